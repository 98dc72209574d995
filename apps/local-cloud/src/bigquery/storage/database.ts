/**
 * The DuckDB file and the connections to it. Knows no catalog and no GoogleSQL.
 *
 * 1. A connection serves one task at a time; a pooled one comes back without an open transaction.
 * 2. Whoever waits for a lock holds no pooled connection (locks first, then a connection), so the pool cannot deadlock.
 * 3. What a failed transaction did is rolled back before its error is seen.
 * 4. DuckDB runs on the thread that calls it, without helpers: handing the parts of a small statement to another thread costs more than
 *    the statement. Only work declared `wide` gets the other cores, for as long as it lasts.
 * 5. A transaction that may write begins here, so that `alone` can find a moment without any.
 */
import { statSync } from 'node:fs';
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
  type DuckDBValue,
  ResultReturnType,
} from '@duckdb/node-api';
import { WriteGate } from './write-gate.ts';

const PREPARED_PER_CONNECTION = 128;
/** DuckDB's own 256 KB make one row in a table of twenty columns ten megabytes of memory until the next checkpoint; scans of large tables lose 6% with these. */
const BLOCK_BYTES = 32 * 1024;
const STORAGE_VERSION = 'v1.5.0';

export interface BoundValue {
  readonly value: DuckDBValue;
  readonly type: DuckDBType;
}

export interface DatabaseOptions {
  readonly memoryLimit: string;
  readonly threads: number;
  readonly connections: number;
  readonly temp: string;
}

interface Prepared {
  readonly statement: DuckDBPreparedStatement;
  /** For each DuckDB parameter index (from 1), which value it takes (`$3` and `$p3` both mean the third). */
  readonly order: readonly number[];
}

/** A plan owns memory (its VALUES, half a megabyte for twenty columns) that a garbage collector does not see and so does not free in time. */
function release(statement: DuckDBPreparedStatement, kept: boolean): void {
  if (kept) statement.clearBindings();
  else statement.destroySync();
}

export class Connection {
  readonly raw: DuckDBConnection;
  readonly #prepared = new Map<string, Prepared>();
  readonly #gate: WriteGate;
  #open = false;
  constructor(raw: DuckDBConnection, gate: WriteGate) {
    this.raw = raw;
    this.#gate = gate;
  }

  async run(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    if (values.length === 0 && !this.#prepared.has(sql)) return this.raw.run(sql);
    return this.query(sql, values);
  }

  /** Like run, but keeps the statement prepared: for text that comes again. */
  async query(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    const { statement, kept } = await this.#bound(sql, values);
    try {
      return await statement.run();
    } finally {
      release(statement, kept);
    }
  }

  /**
   * The rows as they are made. A complete result lies outside DuckDB's memory limit, and stays until a garbage collector that does not
   * see its size gets to it; a stream holds a megabyte, and nothing once it has ended.
   */
  async *chunks(sql: string, values: readonly BoundValue[] = [], aborted?: AbortSignal): AsyncGenerator<DuckDBDataChunk, void> {
    const { statement, kept } = await this.#bound(sql, values);
    let ended = false;
    try {
      // A statement that fails ends its transaction, and could not be asked again why.
      const result = this.#open ? await statement.run() : await statement.stream();
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        if (aborted?.aborted) throw new Error('INTERRUPT Error: Interrupted!');
        yield chunk;
        chunk.reset();
      }
      ended = true;
      if (aborted?.aborted) throw new Error('INTERRUPT Error: Interrupted!');
      if (result.returnType === ResultReturnType.INVALID) {
        // DuckDB's bindings show a stream that failed as one that ended: what was wrong, they say to who waits for all of it.
        await statement.run();
        throw new Error('A result broke off, and did not when it was asked for again.');
      }
    } finally {
      // Of a stream that nobody follows to its end, the next statement takes memory and snapshot.
      if (!ended && !this.#open) await this.raw.run('SELECT 1');
      release(statement, kept);
    }
  }

  async rows(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBValue[][]> {
    const result = await this.run(sql, values);
    return result.getRows();
  }

  async #bound(sql: string, values: readonly BoundValue[]): Promise<{ statement: DuckDBPreparedStatement; kept: boolean }> {
    let prepared = this.#prepared.get(sql);
    if (prepared) {
      this.#prepared.delete(sql);
    } else {
      const statement = await this.raw.prepare(sql);
      // DuckDB plans one without parameters once, by the statistics of that moment: kept, it would not see rows that came later.
      if (statement.parameterCount === 0) return { statement, kept: false };
      const order = Array.from({ length: statement.parameterCount }, (_, i) => {
        const digits = /(\d+)$/.exec(statement.parameterName(i + 1));
        return digits ? Number(digits[1]) - 1 : i;
      });
      prepared = { statement, order };
    }
    this.#prepared.set(sql, prepared);
    if (this.#prepared.size > PREPARED_PER_CONNECTION) {
      const [oldest, dropped] = this.#prepared.entries().next().value as [string, Prepared];
      this.#prepared.delete(oldest);
      dropped.statement.destroySync();
    }
    for (const [i, position] of prepared.order.entries()) {
      const bound = values[position];
      if (!bound) throw new Error(`parameter ${position + 1} of a compiled statement has no value`);
      prepared.statement.bindValue(i + 1, bound.value, bound.type);
    }
    return { statement: prepared.statement, kept: true };
  }

  forgetPrepared(): void {
    for (const { statement } of this.#prepared.values()) statement.destroySync();
    this.#prepared.clear();
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.begin();
    try {
      const result = await work();
      await this.commit();
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async begin(): Promise<void> {
    await this.#gate.enter();
    this.#open = true;
    try {
      await this.raw.run('BEGIN TRANSACTION');
    } catch (error) {
      this.#left();
      throw error;
    }
  }

  /** When it fails, DuckDB has rolled back. */
  async commit(): Promise<void> {
    await this.raw.run('COMMIT');
    this.#left();
  }

  /** DuckDB has already rolled back when a COMMIT failed; then there is nothing left to do. */
  async rollback(): Promise<void> {
    await this.raw.run('ROLLBACK').catch(() => undefined);
    this.#left();
  }

  #left(): void {
    if (this.#open) this.#gate.leave();
    this.#open = false;
  }

  close(): void {
    this.forgetPrepared();
    this.raw.closeSync();
    this.#left();
  }
}

export class Database {
  readonly #instance: DuckDBInstance;
  readonly #prepare: (connection: Connection) => Promise<void>;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #size: number;
  readonly #threads: number;
  readonly #log: string;
  readonly #gate = new WriteGate();
  #open = 0;
  #wide = 0;
  #widened: Promise<unknown> = Promise.resolve();

  private constructor(
    instance: DuckDBInstance,
    file: string,
    options: DatabaseOptions,
    prepare: (connection: Connection) => Promise<void>,
  ) {
    this.#instance = instance;
    this.#log = `${file}.wal`;
    this.#size = options.connections;
    this.#threads = options.threads;
    this.#prepare = prepare;
  }

  static async open(
    file: string,
    options: DatabaseOptions,
    prepare: (connection: Connection) => Promise<void> = async () => undefined,
  ): Promise<Database> {
    const instance = await DuckDBInstance.create(file, {
      memory_limit: options.memoryLimit,
      threads: '1',
      temp_directory: options.temp,
      autoinstall_known_extensions: 'false',
      preserve_insertion_order: 'true',
      checkpoint_threshold: '32MB',
      default_block_size: String(BLOCK_BYTES),
      storage_compatibility_version: STORAGE_VERSION,
    });
    return new Database(instance, file, options, prepare);
  }

  /** Runs `work` while no transaction is open that may write; answers whether it came to that in time. */
  alone(patienceMs: number, work: () => Promise<void>): Promise<boolean> {
    return this.#gate.alone(patienceMs, work);
  }

  /** How much stands in the write-ahead log. */
  logBytes(): number {
    return statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Lets DuckDB use every core while `work` runs. */
  async wide<T>(work: () => Promise<T>): Promise<T> {
    this.#wide++;
    try {
      await this.#spread();
      return await work();
    } finally {
      this.#wide--;
      await this.#spread();
    }
  }

  /** One change after the other; each sets what is right by then. Who asked for one that failed is told. */
  #spread(): Promise<unknown> {
    this.#widened = this.#widened
      .catch(() => undefined)
      .then(() => this.use((connection) => connection.raw.run(`SET GLOBAL threads = ${this.#wide > 0 ? this.#threads : 1}`)));
    return this.#widened;
  }

  /** A connection of one's own, for a session with state. The caller closes it. */
  async connect(): Promise<Connection> {
    const connection = new Connection(await this.#instance.connect(), this.#gate);
    await this.#prepare(connection);
    return connection;
  }

  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    try {
      return await work(connection);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(connection);
      else this.#idle.push(connection);
    }
  }

  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.use((connection) => connection.transaction(() => work(connection)));
  }

  async #take(): Promise<Connection> {
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#open < this.#size) {
      this.#open++;
      try {
        return await this.connect();
      } catch (error) {
        this.#open--;
        throw error;
      }
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
    this.#idle.length = 0;
    this.#instance.closeSync();
  }
}
