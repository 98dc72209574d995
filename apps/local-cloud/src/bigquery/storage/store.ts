/**
 * The durable whole: DuckDB file, catalog, write log and streamed rows, opened together and recovered together.
 *
 * 1. What `open` returns holds every acknowledged row and every committed change, and nothing half done.
 * 2. A physical table has the columns of its catalog record, in order, then `_PARTITIONTIME` if it is partitioned by ingestion time.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBTimestampTZValue, TIMESTAMPTZ } from '@duckdb/node-api';
import type { Column, Partitioning } from '../../googlesql/contract.ts';
import { physicalType, quote } from '../../googlesql/sql-type.ts';
import { CatalogStore, type Change, type TableRecord } from '../catalog/catalog.ts';
import { physicalName } from '../catalog/parts.ts';
import { noTable } from '../errors.ts';
import { duckType } from '../values/physical.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Connection } from './connection.ts';
import { Database } from './database.ts';
import { Ingest, type Target } from './ingest.ts';
import { TableLocks } from './table-locks.ts';
import { type LogRecord, WriteLog } from './write-log.ts';

/** Someone who keeps records of its own in the write log. */
export interface LogKeeper {
  readonly tables: readonly string[];
  load(store: Store, connection: Connection): Promise<void>;
  replay(record: LogRecord): void;
  head(): readonly { kind: number; payload: Buffer }[];
  recovered(): Promise<void>;
}

export interface StoreOptions {
  readonly dir: string;
  readonly memoryLimit?: string;
  readonly threads?: number;
  readonly connections?: number;
  readonly prelude?: readonly string[];
  readonly registerFunctions?: (connection: Connection) => void;
  readonly keepers?: readonly LogKeeper[];
  readonly log?: (message: string, error?: unknown) => void;
}

export interface MetadataChange<T> {
  readonly changes: readonly Change[];
  readonly result: T;
  readonly applied?: () => void;
}

export const ingestionTime = (partitioning: Partitioning | undefined) => partitioning?.column === '_PARTITIONTIME';

export function columnsDdl(columns: readonly Column[], partitioning?: Partitioning): string {
  const parts = columns.map((column) => `${quote(column.name)} ${physicalType(column.type)}${column.required ? ' NOT NULL' : ''}`);
  if (ingestionTime(partitioning)) {
    parts.push('"_PARTITIONTIME" TIMESTAMPTZ');
  }
  return parts.join(', ');
}

/** Rows that were written without saying when they arrive come now. No default of the column: DuckDB can not repeat an ALTER of such a table from its log. */
export async function arriveNow(connection: Connection, physical: string, partitioning: Partitioning | undefined): Promise<void> {
  if (!ingestionTime(partitioning)) return;
  const now = `date_trunc('${partitioning!.granularity.toLowerCase()}', now())`;
  await connection.run(`UPDATE ${physical} SET "_PARTITIONTIME" = ${now} WHERE "_PARTITIONTIME" IS NULL`);
}

/**
 * The macros stay in the file: they are made again only when their text has changed. One may use another that comes later
 * in the list, so what fails is tried again after the rest.
 */
async function runPrelude(connection: Connection, prelude: readonly string[]): Promise<void> {
  const lasting = prelude.filter((sql) => !/^SET\b/i.test(sql));
  for (const sql of prelude) if (!lasting.includes(sql)) await connection.run(sql);
  const hash = createHash('sha256').update(lasting.join('\n')).digest('hex');
  await connection.run('CREATE TABLE IF NOT EXISTS local_prelude (hash VARCHAR)');
  const [known] = await connection.rows('SELECT hash FROM local_prelude');
  if (known?.[0] === hash) return;
  let left: readonly string[] = lasting;
  while (left.length > 0) {
    const failed: string[] = [];
    let cause: unknown;
    for (const sql of left) {
      try {
        await connection.run(sql);
      } catch (error) {
        cause = error;
        failed.push(sql);
      }
    }
    if (failed.length === left.length) throw cause;
    left = failed;
  }
  await connection.run(`DELETE FROM local_prelude; INSERT INTO local_prelude VALUES ('${hash}')`);
}

export class Store {
  readonly database: Database;
  readonly catalog: CatalogStore;
  readonly locks: TableLocks;
  readonly ingest: Ingest;
  log!: WriteLog;
  #checkpoints: Checkpoints | undefined;
  /** Grows with every committed change of a table's rows, by table id. */
  readonly #versions = new Map<number, number>();
  #metadata: Promise<unknown> = Promise.resolve();
  #forMetadata: Connection | undefined;

  private constructor(database: Database) {
    this.database = database;
    this.catalog = new CatalogStore();
    this.locks = new TableLocks();
    this.ingest = new Ingest(database, this.locks, (id) => this.changed(id));
  }

  static async open(options: StoreOptions): Promise<Store> {
    mkdirSync(options.dir, { recursive: true });
    const temp = join(options.dir, 'spill');
    rmSync(temp, { recursive: true, force: true });
    const database = await Database.open(join(options.dir, 'bigquery.duckdb'), {
      memoryLimit: options.memoryLimit ?? '400MB',
      wideMemoryLimit: options.memoryLimit ?? '1GB',
      threads: options.threads ?? 2,
      connections: options.connections ?? 8,
      temp,
    });
    const store = new Store(database);
    const keepers = options.keepers ?? [];
    await database.use(async (connection) => {
      options.registerFunctions?.(connection);
      await connection.raw.run("SET GLOBAL TimeZone = 'UTC'");
      for (const sql of [...CatalogStore.tables, ...Ingest.tables, ...keepers.flatMap((keeper) => keeper.tables)])
        await connection.run(sql);
      await runPrelude(connection, options.prelude ?? []);
      await store.catalog.load(connection);
      await store.ingest.load(connection);
      for (const keeper of keepers) await keeper.load(store, connection);
    });
    store.log = await WriteLog.open(
      join(options.dir, 'write-log'),
      (record) => {
        for (const keeper of keepers) keeper.replay(record);
      },
      () => keepers.flatMap((keeper) => keeper.head()),
    );
    store.ingest.attach(store.log);
    for (const keeper of keepers) await keeper.recovered();
    await store.ingest.foldAll();
    store.#checkpoints = new Checkpoints(database, await database.connect(), (error) =>
      options.log?.('bigquery: a checkpoint failed', error),
    );
    return store;
  }

  version(id: number): number {
    return this.#versions.get(id) ?? 0;
  }
  changed(id: number): void {
    this.#versions.set(id, (this.#versions.get(id) ?? 0) + 1);
  }

  /** Where streamed rows of this table go. */
  target(table: TableRecord): Target {
    const types = table.columns.map((column) => duckType(column.type));
    if (ingestionTime(table.partitioning)) types.push(TIMESTAMPTZ);
    return { id: table.id, physical: physicalName(table.id), types, ensure: (connection) => this.ensurePhysical(connection, table) };
  }

  /** `_PARTITIONTIME` of rows that arrive now. */
  ingestionInstant(table: TableRecord, now = new Date()): DuckDBTimestampTZValue {
    const granularity = table.partitioning?.granularity;
    const [year, month, day, hour] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), now.getUTCHours()];
    const start =
      granularity === 'HOUR'
        ? Date.UTC(year, month, day, hour)
        : granularity === 'MONTH'
          ? Date.UTC(year, month, 1)
          : granularity === 'YEAR'
            ? Date.UTC(year, 0, 1)
            : Date.UTC(year, month, day);
    return new DuckDBTimestampTZValue(BigInt(start) * 1000n);
  }

  /** Inside a transaction; call what it returns after the commit. */
  async ensurePhysical(connection: Connection, table: TableRecord): Promise<() => void> {
    if (this.catalog.hasPhysical(table.id)) return () => undefined;
    await connection.run(`CREATE TABLE IF NOT EXISTS ${physicalName(table.id)} (${columnsDdl(table.columns, table.partitioning)})`);
    return () => this.catalog.markPhysical(table.id, true);
  }

  /** `work` may add rows to the table's own physical table, which is there and stays. */
  async adding<T>(table: TableRecord, work: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.#makePhysical(table);
      const release = await this.locks.acquire(table.id, false);
      try {
        if (this.catalog.hasPhysical(table.id)) return await work();
        if (!this.catalog.byId(table.id)) throw noTable(table.path.project, table.path.dataset, table.path.table);
      } finally {
        release();
      }
    }
  }

  async #makePhysical(table: TableRecord): Promise<void> {
    if (this.catalog.hasPhysical(table.id)) return;
    await this.locks.exclusive(table.id, async () => {
      // Of one that is gone, nobody would drop it again.
      if (this.catalog.hasPhysical(table.id) || !this.catalog.byId(table.id)) return;
      const created = await this.database.transaction((connection) => this.ensurePhysical(connection, table));
      created();
    });
  }

  /** Makes tables readable: creates what is missing, folds what is waiting. */
  async readable(tables: Iterable<TableRecord>): Promise<void> {
    for (const table of tables) {
      if (table.kind !== 'TABLE') continue;
      if (this.ingest.has(table.id)) await this.ingest.fold(table.id);
      if (this.catalog.parts.of(table.id).length === 0) await this.#makePhysical(table);
    }
  }

  /** Nobody else writes these tables while `work` runs, and no streamed row of theirs is waiting. Locks in id order. */
  async exclusively<T>(tables: readonly TableRecord[], work: () => Promise<T>): Promise<T> {
    const ordered = tables.filter((table) => table.kind === 'TABLE').sort((a, b) => a.id - b.id);
    const releases: (() => void)[] = [];
    try {
      for (const { id } of ordered) {
        for (;;) {
          if (this.ingest.has(id)) await this.ingest.fold(id);
          const release = await this.locks.acquire(id, true);
          if (!this.ingest.has(id)) {
            releases.push(release);
            break;
          }
          release();
        }
      }
      return await work();
    } finally {
      for (const release of releases) release();
    }
  }

  /**
   * One change of metadata at a time. `work` decides under that order, may change physical tables in the same transaction,
   * and answers the changes of the catalog; memory follows after the commit.
   */
  changeMetadata<T>(work: (connection: Connection) => Promise<MetadataChange<T>>): Promise<T> {
    return this.#inTurn(async () => {
      // Of its own: who fills a table holds a pooled one while it waits for its turn, and many of them hold the whole pool.
      this.#forMetadata ??= await this.database.connect();
      const connection = this.#forMetadata;
      await connection.begin();
      return this.#finish(connection, () => work(connection));
    });
  }

  /** The same for a transaction that is already open and has done its long work; it is committed or rolled back here. */
  commitMetadata<T>(connection: Connection, decide: () => Promise<MetadataChange<T>>): Promise<T> {
    return this.#inTurn(() => this.#finish(connection, decide));
  }

  async #finish<T>(connection: Connection, decide: () => Promise<MetadataChange<T>>): Promise<T> {
    let outcome: MetadataChange<T>;
    try {
      outcome = await decide();
      await this.catalog.record(connection, outcome.changes);
      await connection.commit();
    } catch (error) {
      await connection.rollback();
      throw error;
    }
    this.catalog.applied(outcome.changes);
    outcome.applied?.();
    return outcome.result;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#metadata.then(work);
    this.#metadata = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#checkpoints?.close();
    await this.ingest.close();
    await this.#metadata;
    await this.log.close();
    await this.database.use((connection) => connection.run('CHECKPOINT').catch(() => undefined));
    this.#forMetadata?.close();
    this.database.close();
  }
}
