/**
 * The DuckDB file and the connections to it. Knows no catalog and no GoogleSQL.
 *
 * 1. A connection serves one task at a time; a pooled one comes back without an open transaction.
 * 2. Whoever waits for a lock holds no pooled connection (locks first, then a connection), so the pool cannot deadlock.
 * 3. DuckDB runs on the thread that calls it, without helpers: handing the parts of a small statement to another thread costs more than
 *    the statement. Only work declared `wide` gets the other cores, and the memory without which they would wait for each other, for as
 *    long as it lasts.
 */
import { statSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { Connection } from './connection.ts';
import { WriteGate } from './write-gate.ts';

/** DuckDB's own 256 KB make one row in a table of twenty columns ten megabytes of memory until the next checkpoint; scans of large tables lose 6% with these. */
const BLOCK_BYTES = 32 * 1024;
const STORAGE_VERSION = 'v1.5.0';

export interface DatabaseOptions {
  readonly memoryLimit: string;
  /** The limit while wide work runs: each thread that writes needs several megabytes for every column. */
  readonly wideMemoryLimit?: string;
  readonly threads: number;
  readonly connections: number;
  readonly temp: string;
}

/** Of the machine, for all statements together. */
interface Share {
  readonly threads: number;
  readonly memory: string;
}

export class Database {
  readonly #instance: DuckDBInstance;
  readonly #prepare: (connection: Connection) => Promise<void>;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  readonly #size: number;
  readonly #narrow: Share;
  readonly #broad: Share;
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
    this.#narrow = { threads: 1, memory: options.memoryLimit };
    this.#broad = { threads: options.threads, memory: options.wideMemoryLimit ?? options.memoryLimit };
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

  /** How many transactions have begun that may write. */
  get transactions(): number {
    return this.#gate.entered;
  }

  /** How much stands in the write-ahead log. */
  logBytes(): number {
    return statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Lets DuckDB use every core, and more memory, while `work` runs. */
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
      .then(() => this.use((connection) => give(connection, this.#wide > 0 ? this.#broad : this.#narrow)));
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

async function give({ raw }: Connection, { threads, memory }: Share): Promise<void> {
  await raw.run(`SET GLOBAL threads = ${threads}`);
  try {
    await raw.run(`SET GLOBAL memory_limit = '${memory}'`);
  } catch (error) {
    // What a statement still holds can not be taken away: the next wide work that ends asks again.
    if (!String(error).includes('could not free up enough memory')) throw error;
  }
}
