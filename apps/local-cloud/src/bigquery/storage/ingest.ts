/**
 * Streamed rows on their way into DuckDB: acknowledged when the write log has them, folded into their table before
 * anything reads it, or every few seconds. Knows no wire format: rows arrive as DuckDB values.
 *
 * 1. A row is never visible before it is durable.
 * 2. A fold moves rows and records the log position of its table in one DuckDB transaction; recovery replays only what
 *    lies beyond that position, so every acknowledged row lands exactly once.
 * 3. `fold` returns only after every row accepted before the call is in DuckDB.
 * 4. Rows of one table are folded in the order in which they were logged.
 * 5. Rows of a table that is gone are dropped with it.
 */
import { BIGINT, DuckDBDataChunk, type DuckDBType, type DuckDBValue } from '@duckdb/node-api';
import type { Connection, Database } from './database.ts';
import type { TableLocks } from './table-locks.ts';
import type { WriteLog } from './write-log.ts';

const CHUNK = 2048;
const QUIET_MS = 5_000;
const FOLD_ROWS = 20_000;

/** Where rows go: a physical table with its columns in order. Its id is never used again. */
export interface Target {
  readonly id: number;
  readonly physical: string;
  readonly types: readonly DuckDBType[];
  /** Creates the physical table inside the fold's transaction if it is not there yet; answers what to call after the commit. */
  readonly ensure: (connection: Connection) => Promise<() => void>;
}

interface Pending {
  target: Target;
  rows: (readonly DuckDBValue[])[];
  first: number;
  last: number;
}

export class Ingest {
  static readonly tables = ['CREATE TABLE IF NOT EXISTS local_folds (table_id BIGINT, sequence BIGINT)'];

  readonly #database: Database;
  readonly #locks: TableLocks;
  readonly #changed: (id: number) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #folding = new Map<number, { first: number; done: Promise<void> }>();
  /** Logged but not yet durable, in order. */
  readonly #inFlight = new Map<number, number[]>();
  readonly #folded = new Map<number, number>();
  #log: WriteLog | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(database: Database, locks: TableLocks, changed: (id: number) => void) {
    this.#database = database;
    this.#locks = locks;
    this.#changed = changed;
  }

  async load(connection: Connection): Promise<void> {
    for (const [id, sequence] of await connection.rows('SELECT table_id, sequence FROM local_folds')) {
      this.#folded.set(Number(id), Number(sequence));
    }
  }

  attach(log: WriteLog): void {
    this.#log = log;
    this.#timer = setInterval(() => void this.foldAll().catch(() => undefined), QUIET_MS);
    this.#timer.unref();
  }

  /** Whether a logged record of this table has not been folded yet. */
  awaits(id: number, sequence: number): boolean {
    return sequence > (this.#folded.get(id) ?? 0);
  }

  /** A record met again at start. */
  replay(target: Target, rows: readonly (readonly DuckDBValue[])[], sequence: number): void {
    if (this.awaits(target.id, sequence)) this.#accept(target, rows, sequence);
  }

  /** Logs the record and, once it is durable, makes its rows visible. */
  append(target: Target, kind: number, parts: readonly Uint8Array[], rows: readonly (readonly DuckDBValue[])[]): Promise<void> {
    const { sequence, durable } = this.#log!.append(kind, parts);
    const flying = this.#inFlight.get(target.id);
    if (flying) flying.push(sequence);
    else this.#inFlight.set(target.id, [sequence]);
    return durable.then(() => {
      const queue = this.#inFlight.get(target.id)!;
      queue.shift();
      if (queue.length === 0) this.#inFlight.delete(target.id);
      this.#accept(target, rows, sequence);
    });
  }

  #accept(target: Target, rows: readonly (readonly DuckDBValue[])[], sequence: number): void {
    let pending = this.#pending.get(target.id);
    if (!pending) {
      pending = { target, rows: [], first: sequence, last: sequence };
      this.#pending.set(target.id, pending);
    }
    pending.target = target;
    for (const row of rows) pending.rows.push(row);
    pending.last = sequence;
    if (pending.rows.length >= FOLD_ROWS && this.#log && !this.#folding.has(target.id)) void this.fold(target.id).catch(() => undefined);
  }

  pendingRows(id: number): number {
    return this.#pending.get(id)?.rows.length ?? 0;
  }

  has(id: number): boolean {
    return this.#pending.has(id) || this.#folding.has(id);
  }

  async fold(id: number): Promise<void> {
    await this.#folding.get(id)?.done;
    // Another caller may have begun meanwhile with all of our rows in hand.
    while (this.#folding.has(id)) await this.#folding.get(id)!.done;
    const pending = this.#pending.get(id);
    if (!pending) return;
    const done = this.#foldNow(id, pending);
    this.#folding.set(id, { first: pending.first, done });
    try {
      await done;
    } finally {
      this.#folding.delete(id);
      this.#release();
    }
  }

  async foldAll(): Promise<void> {
    for (const id of [...this.#pending.keys()]) if (!this.#folding.has(id)) await this.fold(id);
  }

  async #foldNow(id: number, pending: Pending): Promise<void> {
    this.#pending.delete(id);
    try {
      await this.#locks.shared(id, async () => {
        let applied: (() => void) | undefined;
        await this.#database.transaction(async (connection) => {
          applied = await pending.target.ensure(connection);
          await appendRows(connection, pending.target, pending.rows);
          await this.#recordFold(connection, id, pending.last);
        });
        applied?.();
      });
      this.#folded.set(id, pending.last);
      this.#changed(id);
    } catch (error) {
      if (this.#closed) return;
      const newer = this.#pending.get(id);
      if (newer) {
        newer.rows = pending.rows.concat(newer.rows);
        newer.first = pending.first;
      } else this.#pending.set(id, pending);
      throw error;
    }
  }

  async #recordFold(connection: Connection, id: number, sequence: number): Promise<void> {
    const values = [
      { value: BigInt(id), type: BIGINT },
      { value: BigInt(sequence), type: BIGINT },
    ];
    if (this.#folded.has(id)) await connection.query('UPDATE local_folds SET sequence = $2 WHERE table_id = $1', values);
    else await connection.query('INSERT INTO local_folds VALUES ($1, $2)', values);
  }

  /** The table is gone (or was replaced by another physical one): its waiting rows go with it. */
  forget(id: number): void {
    this.#pending.delete(id);
    this.#release();
  }

  #release(): void {
    let oldest = this.#log?.nextSequence ?? 0;
    for (const { first } of this.#pending.values()) oldest = Math.min(oldest, first);
    for (const { first } of this.#folding.values()) oldest = Math.min(oldest, first);
    for (const [first] of this.#inFlight.values()) oldest = Math.min(oldest, first!);
    this.#log?.release(oldest);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.foldAll();
    this.#closed = true;
  }
}

/** Appends rows to a physical table inside the transaction that is open on `connection`. */
export async function appendRows(connection: Connection, target: Target, rows: readonly (readonly DuckDBValue[])[]): Promise<void> {
  const appender = await connection.raw.createAppender(target.physical.slice(1, -1));
  try {
    for (let at = 0; at < rows.length; at += CHUNK) {
      const part = rows.slice(at, at + CHUNK);
      const chunk = DuckDBDataChunk.create(target.types, part.length);
      chunk.setColumns(target.types.map((_, column) => part.map((row) => row[column] ?? null)));
      appender.appendDataChunk(chunk);
    }
  } finally {
    appender.closeSync();
  }
}
