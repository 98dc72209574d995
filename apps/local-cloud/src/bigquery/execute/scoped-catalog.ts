/**
 * The catalog as one caller's statement sees it, for the length of one compilation, and a record of what it looked at:
 * a compiled statement stays good as long as every look would find the same.
 */
import type { Catalog, CatalogRoutine, CatalogTable, TablePath } from '../../googlesql/contract.ts';
import { memberMatches } from '../catalog/access.ts';
import type { CatalogStore, RoutineRecord, TableRecord } from '../catalog/catalog.ts';
import { type InformationView, informationView } from '../catalog/information-schema.ts';
import type { Watched } from '../catalog/moved.ts';
import { physicalName } from '../catalog/parts.ts';
import type { Session } from './session.ts';

export interface Looked extends Watched {
  readonly tables: Set<TableRecord>;
  readonly information: InformationView[];
  /** True while nothing that was looked at has changed. */
  readonly still: (() => boolean)[];
}

let informationNumber = 0;

export class ScopedCatalog implements Catalog {
  readonly defaultProject: string;
  readonly defaultDataset?: string;
  readonly looked: Looked = { tables: new Set(), information: [], steady: new Map(), still: [] };
  readonly #catalog: CatalogStore;
  readonly #session: Session;

  constructor(catalog: CatalogStore, session: Session) {
    this.#catalog = catalog;
    this.#session = session;
    this.defaultProject = session.defaultDataset?.project ?? session.project;
    if (session.defaultDataset) this.defaultDataset = session.defaultDataset.dataset;
  }

  #record(path: TablePath): TableRecord | undefined {
    const record = this.#catalog.table(path);
    if (record?.expirationTime !== undefined && Number(record.expirationTime) <= Date.now()) return undefined;
    return record;
  }

  table(path: TablePath): CatalogTable | undefined {
    const temporary = this.#session.tempTables.get(path.table);
    if (
      temporary &&
      (path.dataset === '' || path.dataset === '_SESSION' || path.dataset === '_script' || temporary.path.dataset === path.dataset)
    ) {
      this.looked.tables.add(temporary);
      return { ...this.#described(temporary), temporary: true };
    }
    const record = this.#record(path);
    this.looked.still.push(() => this.#record(path) === record);
    if (!record) return undefined;
    this.looked.tables.add(record);
    return this.#described(record);
  }

  #described(table: TableRecord): CatalogTable {
    const { parts } = this.#catalog;
    const steady = parts.watch(table.id);
    this.looked.steady.set(table.id, steady);
    this.looked.still.push(steady);
    const rows = parts.of(table.id).length > 0 ? { rows: this.#catalog.rowsOf(table) } : {};
    return { ...described(table, this.#session.caller), ...rows };
  }

  tablesWithPrefix(project: string, dataset: string, prefix: string): readonly CatalogTable[] {
    const find = () =>
      this.#catalog
        .tables(project, dataset)
        .filter((table) => table.kind === 'TABLE' && table.path.table.startsWith(prefix) && this.#record(table.path))
        .sort((a, b) => a.created - b.created || a.id - b.id);
    const found = find();
    this.looked.still.push(() => {
      const now = find();
      return now.length === found.length && now.every((table, i) => table === found[i]);
    });
    for (const table of found) this.looked.tables.add(table);
    return found.map((table) => this.#described(table));
  }

  datasetExists(project: string, dataset: string): boolean {
    const exists = this.#catalog.dataset(project, dataset) !== undefined;
    this.looked.still.push(() => (this.#catalog.dataset(project, dataset) !== undefined) === exists);
    return exists;
  }

  routine(project: string, dataset: string, name: string): CatalogRoutine | undefined {
    const temporary = this.#session.tempRoutines.get(name.toLowerCase());
    if (temporary && dataset === '') return temporary.routine;
    const found: RoutineRecord | undefined = this.#catalog.routine(project, dataset, name);
    this.looked.still.push(() => this.#catalog.routine(project, dataset, name) === found);
    return found?.routine ?? temporary?.routine;
  }

  informationSchema(
    view: string,
    scope: { readonly project: string; readonly dataset?: string; readonly region?: string },
  ): CatalogTable | undefined {
    const found = informationView(view, scope, `i${++informationNumber}`);
    if (!found) return undefined;
    this.looked.information.push(found);
    return found.table;
  }

  names(kind: 'dataset' | 'table', project: string, dataset?: string): readonly string[] {
    if (kind === 'dataset') return this.#catalog.datasets(project).map((record) => record.dataset);
    const temporary = [...this.#session.tempTables.keys()];
    return dataset === undefined ? temporary : [...temporary, ...this.#catalog.tables(project, dataset).map((table) => table.path.table)];
  }
}

function described(table: TableRecord, caller: { subject: string; owner: boolean }): CatalogTable {
  const { path, kind, columns, viewSql, partitioning, clustering, policies } = table;
  return {
    path,
    kind,
    columns,
    ...(kind === 'TABLE' ? { physical: physicalName(table.id) } : {}),
    ...(viewSql === undefined ? {} : { viewSql }),
    ...(partitioning ? { partitioning } : {}),
    ...(clustering ? { clustering } : {}),
    ...(policies?.length
      ? {
          rowFilters: policies
            .filter((policy) => policy.grantees.some((grantee) => memberMatches(grantee, caller.subject)))
            .map((policy) => policy.filter),
        }
      : {}),
  };
}
