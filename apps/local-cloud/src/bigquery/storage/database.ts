/**
 * The DuckDB file and the connections to it. Knows no catalog and no GoogleSQL.
 *
 * 1. A connection serves one task at a time; a pooled one comes back without an open transaction.
 * 2. Whoever waits for a lock holds no pooled connection (locks first, then a connection), so the pool cannot deadlock.
 * 3. What a failed transaction did is rolled back before its error is seen.
 */
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';

const PREPARED_PER_CONNECTION = 128;

export interface BoundValue {
  readonly value: DuckDBValue;
  readonly type: DuckDBType;
}

interface Prepared {
  readonly statement: DuckDBPreparedStatement;
  /** For each DuckDB parameter index (from 1), which value it takes (`$3` and `$p3` both mean the third). */
  readonly order: readonly number[];
}

export class Connection {
  readonly raw: DuckDBConnection;
  readonly #prepared = new Map<string, Prepared>();
  constructor(raw: DuckDBConnection) {
    this.raw = raw;
  }

  async run(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    if (values.length === 0 && !this.#prepared.has(sql)) return this.raw.run(sql);
    return (await this.#bound(sql, values)).run();
  }

  /** Like run, but keeps the statement prepared: for text that comes again. */
  async query(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    return (await this.#bound(sql, values)).run();
  }

  async stream(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBResult> {
    return (await this.#bound(sql, values)).stream();
  }

  async rows(sql: string, values: readonly BoundValue[] = []): Promise<DuckDBValue[][]> {
    const result = await this.run(sql, values);
    return result.getRows();
  }

  async #bound(sql: string, values: readonly BoundValue[]): Promise<DuckDBPreparedStatement> {
    let prepared = this.#prepared.get(sql);
    if (prepared) {
      this.#prepared.delete(sql);
    } else {
      const statement = await this.raw.prepare(sql);
      // DuckDB plans one without parameters once, by the statistics of that moment: kept, it would not see rows that came later.
      if (statement.parameterCount === 0) return statement;
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
    return prepared.statement;
  }

  forgetPrepared(): void {
    for (const { statement } of this.#prepared.values()) statement.destroySync();
    this.#prepared.clear();
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.raw.run('BEGIN TRANSACTION');
    try {
      const result = await work();
      await this.raw.run('COMMIT');
      return result;
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  /** DuckDB has already rolled back when a COMMIT failed; then there is nothing left to do. */
  async rollback(): Promise<void> {
    await this.raw.run('ROLLBACK').catch(() => undefined);
  }

  close(): void {
    this.forgetPrepared();
    this.raw.closeSync();
  }
}

export class Database {
  readonly #instance: DuckDBInstance;
  readonly #prepare: (connection: Connection) => Promise<void>;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #size: number;
  #open = 0;

  private constructor(instance: DuckDBInstance, size: number, prepare: (connection: Connection) => Promise<void>) {
    this.#instance = instance;
    this.#size = size;
    this.#prepare = prepare;
  }

  static async open(
    file: string,
    options: { memoryLimit: string; threads: number; connections: number; temp: string },
    prepare: (connection: Connection) => Promise<void> = async () => undefined,
  ): Promise<Database> {
    const instance = await DuckDBInstance.create(file, {
      memory_limit: options.memoryLimit,
      threads: String(options.threads),
      temp_directory: options.temp,
      autoinstall_known_extensions: 'false',
      preserve_insertion_order: 'true',
      checkpoint_threshold: '32MB',
    });
    return new Database(instance, options.connections, prepare);
  }

  /** A connection of one's own, for a session with state. The caller closes it. */
  async connect(): Promise<Connection> {
    const connection = new Connection(await this.#instance.connect());
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
