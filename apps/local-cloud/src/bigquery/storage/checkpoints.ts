/**
 * Checkpoints by memory. What is not in the file yet but in its write-ahead log only, DuckDB holds in memory: a block for each column
 * that a statement touched, however few rows it wrote. Its own rule goes by the length of the log, which many small writes into many
 * tables leave short until memory is gone and statements fail for want of it; and it passes when others write at that moment, which
 * under load is always.
 *
 * And a start after a crash repeats the log, a fifth of a millisecond of processor time for each transaction, however little it wrote.
 *
 * 1. A checkpoint changes nothing that anybody can see. Writers wait for its end, readers do not; who reads what has changed since makes
 * it wait.
 * 2. What a checkpoint could not set free is not tried again until it has grown.
 */
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';

const GROWN_BYTES = 96 * 1024 * 1024;
const LOG_BYTES = 24 * 1024 * 1024;
const LOG_TRANSACTIONS = 4000;
const LOOK_MS = 250;
/** How long writers may be held up in vain, and how long after that they are left alone. */
const PATIENCE_MS = 200;
const AFTER_MISS_MS = 2000;
/** So DuckDB says as well when nobody writes, but a long SELECT still reads rows as they were before an UPDATE. */
const OLD_ROWS_READ = /other write transactions active/;
/** The rest is either in the file already or belongs to statements under way. */
const UNSAVED =
  "SELECT sum(memory_usage_bytes + temporary_storage_bytes) FROM duckdb_memory() WHERE tag IN ('IN_MEMORY_TABLE', 'TRANSACTION')";

export class Checkpoints {
  readonly #database: Database;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  #least = 0;
  #notBefore = 0;
  #saved = 0;
  #running: Promise<void> | undefined;

  constructor(database: Database, connection: Connection, onFailure: (error: unknown) => void) {
    this.#database = database;
    this.#connection = connection;
    this.#timer = setInterval(() => {
      this.#running ??= this.#look()
        .catch(onFailure)
        .finally(() => {
          this.#running = undefined;
        });
    }, LOOK_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (performance.now() < this.#notBefore) return;
    const unsaved = await this.#unsaved();
    this.#least = Math.min(this.#least, unsaved);
    const { transactions } = this.#database;
    if (
      unsaved < this.#least + GROWN_BYTES &&
      this.#database.logBytes() < LOG_BYTES &&
      (transactions - this.#saved < LOG_TRANSACTIONS || this.#database.logBytes() === 0)
    )
      return;
    let saved = false;
    await this.#database.alone(PATIENCE_MS, async () => {
      saved = await this.#save();
    });
    if (saved) {
      this.#least = await this.#unsaved();
      this.#saved = transactions;
    } else this.#notBefore = performance.now() + AFTER_MISS_MS;
  }

  /** Answers whether it could. */
  async #save(): Promise<boolean> {
    try {
      await this.#connection.run('CHECKPOINT');
      return true;
    } catch (error) {
      if (OLD_ROWS_READ.test((error as Error).message)) return false;
      throw error;
    }
  }

  async #unsaved(): Promise<number> {
    return Number((await this.#connection.rows(UNSAVED))[0]![0]);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    this.#connection.close();
  }
}
