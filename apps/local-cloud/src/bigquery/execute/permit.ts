/** What a statement reads and writes against the access lists. Throws what its caller may not. */
import type { Compiled } from '../../googlesql/contract.ts';
import { demand, may } from '../catalog/access.ts';
import type { CatalogStore } from '../catalog/catalog.ts';
import { samePath } from './path-key.ts';
import type { Looked } from './scoped-catalog.ts';
import type { Session } from './session.ts';

export function permit(catalog: CatalogStore, compiled: Compiled, looked: Looked, session: Session): void {
  const { caller } = session;
  if (caller.owner) return;
  const target = compiled.kind === 'query' || compiled.kind === 'ddl' ? undefined : compiled.target.path;
  const views = [...looked.tables].filter((table) => table.kind === 'VIEW');
  for (const table of looked.tables) {
    if (session.tempTables.get(table.path.table) === table) continue;
    if (may(catalog, caller, 'read', table.path)) continue;
    const isTarget = target !== undefined && samePath(target, table.path);
    if (isTarget && may(catalog, caller, 'write', table.path)) continue;
    const authorized = views.some(
      (view) =>
        may(catalog, caller, 'read', view.path) &&
        catalog
          .dataset(table.path.project, table.path.dataset)
          ?.access.some(
            (entry) =>
              entry.view &&
              entry.view.projectId === view.path.project &&
              entry.view.datasetId === view.path.dataset &&
              entry.view.tableId === view.path.table,
          ),
    );
    if (!authorized) demand(catalog, caller, 'read', table.path);
  }
  if (target && !session.tempTables.has(target.table)) demand(catalog, caller, 'write', target);
}
