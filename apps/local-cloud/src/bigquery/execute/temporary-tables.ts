/** Tables that live as long as their script: physical ones like any other, known to the session alone. */
import type { TableRecord } from '../catalog/catalog.ts';
import { physicalName } from '../catalog/parts.ts';
import type { Store } from '../storage/store.ts';
import type { Session } from './session.ts';

/** The rows; the session goes on with another table of that name, or is at its end. */
export async function dropPhysical(store: Store, { id }: TableRecord): Promise<void> {
  await store.database.use((connection) => connection.run(`DROP TABLE IF EXISTS ${physicalName(id)}`));
  store.catalog.markPhysical(id, false);
}

export async function dropTemporary(store: Store, session: Session, table: TableRecord): Promise<void> {
  await dropPhysical(store, table);
  session.tempTables.delete(table.path.table);
  session.temporaryVersion++;
}

/** At the end of the script. */
export async function dropAllTemporary(store: Store, session: Session): Promise<void> {
  for (const table of session.tempTables.values()) await dropPhysical(store, table);
  session.tempTables.clear();
}
