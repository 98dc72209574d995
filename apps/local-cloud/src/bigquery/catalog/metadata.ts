/**
 * Changes of what exists, each one transaction: datasets, tables, views, routines, policies. The REST routes and the DDL
 * statements both end here, so both refuse the same things in the same words. Knows no HTTP and no GoogleSQL text.
 *
 * 1. Catalog and physical tables change in one DuckDB transaction; a crash leaves both or neither.
 * 2. A table's physical form changes only while nobody writes to it, and all of its rows are in its own physical table.
 * 3. Rows streamed before a change are folded in before it.
 */
import type { TablePath } from '../../googlesql/contract.ts';
import { ApiError, invalid, noDataset, noTable } from '../errors.ts';
import type { Connection } from '../storage/connection.ts';
import type { MetadataChange, Store } from '../storage/store.ts';
import { arriveNow, columnsDdl, ingestionTime } from '../storage/store.ts';
import { type Change, type DatasetRecord, etagOf, type RoutineRecord, type TableRecord } from './catalog.ts';
import { checkDatasetId, checkProjectId, checkTableId } from './ids.ts';
import { physicalName } from './parts.ts';
import { gatherHeld } from './take-over.ts';

export type NewTable = Omit<TableRecord, 'id' | 'created' | 'modified' | 'location'>;
export interface CreateOptions {
  readonly orReplace?: boolean;
  readonly ifNotExists?: boolean;
  /** Fills the new physical table, which exists already in the transaction of the connection. */
  readonly fill?: (connection: Connection, physical: string) => Promise<void>;
}

const nameOf = (path: TablePath) => `${path.project}:${path.dataset}.${path.table}`;

export class Metadata {
  readonly #store: Store;
  constructor(store: Store) {
    this.#store = store;
  }

  get #catalog() {
    return this.#store.catalog;
  }

  dataset(project: string, dataset: string): DatasetRecord {
    const record = this.#catalog.dataset(project, dataset);
    if (!record) throw noDataset(project, dataset);
    return record;
  }

  /** Present and not past its expiration. */
  find(path: TablePath): TableRecord | undefined {
    const table = this.#catalog.table(path);
    if (table?.expirationTime !== undefined && Number(table.expirationTime) <= Date.now()) return undefined;
    return table;
  }

  table(path: TablePath): TableRecord {
    this.dataset(path.project, path.dataset);
    const record = this.find(path);
    if (!record) throw noTable(path.project, path.dataset, path.table);
    return record;
  }

  createDataset(record: Omit<DatasetRecord, 'created' | 'modified'>, ifNotExists = false): Promise<DatasetRecord> {
    checkProjectId(record.project);
    checkDatasetId(record.dataset);
    return this.#store.changeMetadata<DatasetRecord>(async () => {
      const existing = this.#catalog.dataset(record.project, record.dataset);
      if (existing && ifNotExists) return { changes: [], result: existing };
      if (existing) throw new ApiError('duplicate', `Already Exists: Dataset ${record.project}:${record.dataset}`);
      const now = Date.now();
      const created: DatasetRecord = { ...record, created: now, modified: now };
      return { changes: [{ put: 'dataset', record: created }], result: created };
    });
  }

  updateDataset(project: string, dataset: string, change: (record: DatasetRecord) => DatasetRecord, etag?: string): Promise<DatasetRecord> {
    return this.#store.changeMetadata(async () => {
      const record = this.dataset(project, dataset);
      checkEtag(record, etag);
      const changed = { ...change(record), modified: Date.now() };
      return { changes: [{ put: 'dataset', record: changed }], result: changed };
    });
  }

  async dropDataset(project: string, dataset: string, options: { cascade: boolean; ifExists?: boolean }): Promise<void> {
    if (options.ifExists && !this.#catalog.dataset(project, dataset)) return;
    this.dataset(project, dataset);
    const tables = this.#catalog.tables(project, dataset);
    if (tables.length > 0 && !options.cascade) throw new ApiError('resourceInUse', `Dataset ${project}:${dataset} is still in use`);
    await this.#store.exclusively(tables, () =>
      this.#store.changeMetadata(async (connection) => {
        this.dataset(project, dataset);
        const now = this.#catalog.tables(project, dataset);
        if (now.some((table) => !tables.some((held) => held.id === table.id))) {
          throw new ApiError('resourceInUse', `Dataset ${project}:${dataset} is still in use`);
        }
        const changes: Change[] = [
          ...(await this.#dropRows(connection, now)),
          ...now.map((table): Change => ({ drop: 'table', path: table.path })),
          ...this.#catalog
            .routines(project, dataset)
            .map((r): Change => ({ drop: 'routine', project, dataset, name: r.routine.path.routine })),
          { drop: 'dataset', project, dataset },
        ];
        return { changes, result: undefined, applied: () => this.#gone(now) };
      }),
    );
  }

  /** Answers the record and whether it is new. */
  async createTable(table: NewTable, options: CreateOptions = {}): Promise<{ record: TableRecord; created: boolean }> {
    checkTableId(table.path.table);
    const dataset = this.dataset(table.path.project, table.path.dataset);
    const existing = this.find(table.path);
    if (existing && options.ifNotExists) return { record: existing, created: false };
    if (existing && !options.orReplace) throw alreadyExists(existing);
    if (existing?.kind !== undefined && existing.kind !== table.kind) {
      throw invalid(`${nameOf(table.path)} is not allowed for this operation because it is currently a ${existing.kind}.`);
    }
    const now = Date.now();
    const expires =
      dataset.defaultTableExpirationMs !== undefined && table.kind === 'TABLE'
        ? String(now + Number(dataset.defaultTableExpirationMs))
        : undefined;
    const record: TableRecord = {
      ...(expires === undefined ? {} : { expirationTime: expires }),
      ...table,
      id: this.#catalog.newTableId(),
      created: now,
      modified: now,
      location: dataset.location,
    };
    const decide = (connection: Connection) => async (): Promise<MetadataChange<{ record: TableRecord; created: boolean }>> => {
      this.dataset(table.path.project, table.path.dataset);
      const current = this.#catalog.table(table.path);
      const expired = current !== undefined && this.find(table.path) === undefined;
      if (current && !expired && current !== existing) throw alreadyExists(current);
      const dropped = current ? await this.#dropRows(connection, [current]) : [];
      return {
        changes: [...dropped, { put: 'table', record }],
        result: { record, created: true },
        applied: () => {
          if (current) this.#gone([current]);
          if (options.fill) this.#catalog.markPhysical(record.id, true);
        },
      };
    };
    const old = this.#catalog.table(table.path);
    return this.#store.exclusively(old ? [old] : [], async () => {
      if (!options.fill) return this.#store.changeMetadata((connection) => decide(connection)());
      return this.#store.database.use(async (connection) => {
        await connection.begin();
        try {
          await connection.run(`CREATE TABLE ${physicalName(record.id)} (${columnsDdl(record.columns, record.partitioning)})`);
          await options.fill!(connection, physicalName(record.id));
          await arriveNow(connection, physicalName(record.id), record.partitioning);
        } catch (error) {
          await connection.rollback();
          throw error;
        }
        return this.#store.commitMetadata(connection, decide(connection));
      });
    });
  }

  /** Metadata only: labels, description, expiration and the like. */
  updateTable(path: TablePath, change: (record: TableRecord) => TableRecord, etag?: string): Promise<TableRecord> {
    return this.#store.changeMetadata(async () => {
      const record = this.table(path);
      checkEtag(record, etag);
      const changed = { ...change(record), modified: Date.now() };
      return { changes: [{ put: 'table', record: changed }], result: changed };
    });
  }

  /** A change that also alters the physical table. `alter` answers the new record and what DuckDB has to run. */
  async reshapeTable(
    path: TablePath,
    alter: (record: TableRecord) => { record: TableRecord; sql: readonly string[] },
    etag?: string,
  ): Promise<TableRecord> {
    const before = this.table(path);
    return this.#store.exclusively([before], async () => {
      const found = this.table(path);
      checkEtag(found, etag);
      if (alter(found).sql.length > 0) await gatherHeld(this.#store, found.id);
      return this.#store.changeMetadata(async (connection) => {
        const record = this.table(path);
        if (record.id !== before.id) throw noTable(path.project, path.dataset, path.table);
        checkEtag(record, etag);
        const altered = alter(record);
        if (this.#catalog.hasPhysical(record.id) && altered.sql.length > 0) {
          // Files of before have a default there, with which DuckDB can not repeat an ALTER from its log.
          if (ingestionTime(record.partitioning))
            await connection.run(`ALTER TABLE ${physicalName(record.id)} ALTER "_PARTITIONTIME" DROP DEFAULT`);
          for (const sql of altered.sql) await connection.run(sql);
        }
        const changed = { ...altered.record, modified: Date.now() };
        return { changes: [{ put: 'table', record: changed }], result: changed, applied: () => this.#store.changed(record.id) };
      });
    });
  }

  async renameTable(path: TablePath, table: string): Promise<TableRecord> {
    checkTableId(table);
    const before = this.table(path);
    return this.#store.exclusively([before], () =>
      this.#store.changeMetadata(async () => {
        const record = this.table(path);
        const to = { ...path, table };
        const existing = this.find(to);
        if (existing) throw alreadyExists(existing);
        const renamed = { ...record, path: to, modified: Date.now() };
        return {
          changes: [
            { drop: 'table', path },
            { put: 'table', record: renamed },
          ],
          result: renamed,
        };
      }),
    );
  }

  async dropTable(path: TablePath, options: { kind?: 'TABLE' | 'VIEW'; ifExists?: boolean } = {}): Promise<boolean> {
    if (options.ifExists && !this.find(path)) return false;
    const record = this.table(path);
    if (options.kind && record.kind !== options.kind) {
      throw invalid(`${nameOf(path)} is not allowed for this operation because it is currently a ${record.kind}.`);
    }
    await this.#store.exclusively([record], () =>
      this.#store.changeMetadata(async (connection) => {
        const current = this.table(path);
        const dropped = await this.#dropRows(connection, [current]);
        return { changes: [...dropped, { drop: 'table', path }], result: undefined, applied: () => this.#gone([current]) };
      }),
    );
    return true;
  }

  async putRoutine(record: RoutineRecord, options: { orReplace: boolean; ifNotExists: boolean }): Promise<void> {
    const { project, dataset, routine } = record.routine.path;
    await this.#store.changeMetadata(async () => {
      this.dataset(project, dataset);
      if (this.#catalog.routine(project, dataset, routine) && !options.orReplace) {
        if (options.ifNotExists) return { changes: [], result: undefined };
        throw new ApiError('duplicate', `Already Exists: Routine ${project}:${dataset}.${routine}`);
      }
      return { changes: [{ put: 'routine', record }], result: undefined };
    });
  }

  async dropRoutine(project: string, dataset: string, name: string, ifExists: boolean): Promise<void> {
    await this.#store.changeMetadata(async () => {
      if (!this.#catalog.routine(project, dataset, name)) {
        if (ifExists) return { changes: [], result: undefined };
        throw new ApiError('notFound', `Not found: Routine ${project}:${dataset}.${name}`);
      }
      return { changes: [{ drop: 'routine', project, dataset, name }], result: undefined };
    });
  }

  /** Expired tables go, with their rows. */
  async sweepExpired(now = Date.now()): Promise<void> {
    for (const table of this.#catalog.expiring()) {
      if (Number(table.expirationTime) > now) continue;
      await this.#store.exclusively([table], () =>
        this.#store.changeMetadata(async (connection) => {
          const current = this.#catalog.table(table.path);
          if (current?.id !== table.id || Number(current.expirationTime ?? now + 1) > now) return { changes: [], result: undefined };
          const dropped = await this.#dropRows(connection, [current]);
          return { changes: [...dropped, { drop: 'table', path: table.path }], result: undefined, applied: () => this.#gone([current]) };
        }),
      );
    }
  }

  /** The rows of tables that go together; answers what the catalog has to forget of them. */
  async #dropRows(connection: Connection, tables: readonly TableRecord[]): Promise<Change[]> {
    const { parts } = this.#catalog;
    const ids = tables.map(({ id }) => id);
    const theirs = ids.flatMap((id) => parts.of(id));
    const physical = [...ids.filter((id) => this.#catalog.hasPhysical(id)), ...parts.onlyOf(ids, theirs)];
    for (const id of physical) await connection.run(`DROP TABLE ${physicalName(id)}`);
    return ids.filter((id) => parts.of(id).length > 0).map((id) => ({ put: 'parts', record: { id, parts: [] } }));
  }

  #gone(tables: readonly TableRecord[]): void {
    for (const { id } of tables) {
      this.#catalog.markPhysical(id, false);
      this.#store.ingest.forget(id);
      this.#store.changed(id);
    }
  }
}

function alreadyExists(table: TableRecord): ApiError {
  return new ApiError('duplicate', `Already Exists: ${table.kind === 'VIEW' ? 'View' : 'Table'} ${nameOf(table.path)}`);
}

function checkEtag(record: object, etag: string | undefined): void {
  if (etag !== undefined && etag !== '*' && etag.replaceAll('"', '') !== etagOf(record)) {
    throw new ApiError('conditionNotMet', 'Precondition check failed.');
  }
}
