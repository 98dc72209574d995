/**
 * Streamed rows on their way into DuckDB: acknowledged when the write log has them, folded into their table before
 * anything reads it, or when they have waited for long. Knows no wire format: rows arrive as DuckDB values.
 *
 * 1. A row is never visible before it is durable.
 * 2. A fold moves rows and records the log position of its table in one DuckDB transaction; recovery replays only what
 *    lies beyond that position, so every acknowledged row lands exactly once. The disk has the log of these rows before it has the
 *    position: otherwise a power cut could leave a position beyond the log's end, and rows to come would be taken for folded.
 * 3. `fold` returns only after every row accepted before the call is in DuckDB.
 * 4. Rows of one table are folded in the order in which they were logged.
 * 5. Rows of a table that is gone are dropped with it.
 * 6. A fold costs what more than a hundred rows do, however few it moves: rows wait until somebody reads them, there are many, or they are old,
 *    and tables whose time comes together share a transaction. Tables that began to fill together do not grow old together.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { BIGINT, DuckDBDataChunk, DuckDBListValue, type DuckDBType, type DuckDBValue, LIST } from '@duckdb/node-api';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';
import type { TableLocks } from './table-locks.ts';
import type { WriteLog } from './write-log.ts';

/** A few milliseconds: all rows at once would let every call wait that comes meanwhile. */
const CHUNK = 512;
const LOOK_MS = 1_000;
const OLD_MS = { least: 20_000, most: 40_000 };
/** Of all tables: what waits lies in memory. */
const MANY_ROWS = 10_000;
/** In one transaction, which checkpoints and changes of these tables wait for. */
const TOGETHER = 25;
const SEQUENCES = LIST(BIGINT);

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
  readonly due: number;
}

export class Ingest {
  static readonly tables = ['CREATE TABLE IF NOT EXISTS local_folds (table_id BIGINT, sequence BIGINT)'];

  readonly #database: Database;
  readonly #locks: TableLocks;
  readonly #changed: (id: number) => void;
  readonly #oldAfterMs: () => number;
  readonly #pending = new Map<number, Pending>();
  readonly #folding = new Map<number, { first: number; done: Promise<void> }>();
  /** Logged but not yet durable, in order. */
  readonly #inFlight = new Map<number, number[]>();
  readonly #folded = new Map<number, number>();
  #rows = 0;
  #log: WriteLog | undefined;
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    database: Database,
    locks: TableLocks,
    changed: (id: number) => void,
    oldAfterMs = () => OLD_MS.least + Math.random() * (OLD_MS.most - OLD_MS.least),
  ) {
    this.#database = database;
    this.#locks = locks;
    this.#changed = changed;
    this.#oldAfterMs = oldAfterMs;
  }

  async load(connection: Connection): Promise<void> {
    for (const [id, sequence] of await connection.rows('SELECT table_id, sequence FROM local_folds')) {
      this.#folded.set(Number(id), Number(sequence));
    }
  }

  attach(log: WriteLog): void {
    this.#log = log;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  #look(): void {
    const until = this.#rows >= MANY_ROWS ? Number.POSITIVE_INFINITY : performance.now();
    const ids = [...this.#pending].filter(([, { due }]) => due <= until).map(([id]) => id);
    if (ids.length === 0) return;
    this.#looking ??= this.#foldThese(ids)
      .catch(() => undefined)
      .finally(() => {
        this.#looking = undefined;
      });
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
      pending = { target, rows: [], first: sequence, last: sequence, due: performance.now() + this.#oldAfterMs() };
      this.#pending.set(target.id, pending);
    }
    pending.target = target;
    for (const row of rows) pending.rows.push(row);
    pending.last = sequence;
    this.#rows += rows.length;
    if (this.#rows >= MANY_ROWS && this.#log) this.#look();
  }

  has(id: number): boolean {
    return this.#pending.has(id) || this.#folding.has(id);
  }

  async fold(id: number): Promise<void> {
    await this.#folding.get(id)?.done;
    // Another caller may have begun meanwhile with all of our rows in hand.
    while (this.#folding.has(id)) await this.#folding.get(id)!.done;
    const pending = this.#pending.get(id);
    if (pending) await this.#foldNow([pending], this.#locks.acquire(id, false));
  }

  async foldAll(): Promise<void> {
    await this.#foldThese([...new Set([...this.#pending.keys(), ...this.#folding.keys()])]);
  }

  /** Those that nobody holds go together; a fold that waited for one table's lock with another's in hand could wait for ever. */
  async #foldThese(ids: readonly number[]): Promise<void> {
    for (let at = 0; at < ids.length; at += TOGETHER) {
      const batch: Pending[] = [];
      const releases: (() => void)[] = [];
      for (const id of ids.slice(at, at + TOGETHER)) {
        const pending = this.#folding.has(id) ? undefined : this.#pending.get(id);
        const release = pending && this.#locks.trySharing(id);
        if (!release) continue;
        batch.push(pending);
        releases.push(release);
      }
      const releaseAll = () => {
        for (const release of releases) release();
      };
      // What fails in company is tried once more alone, below.
      if (batch.length > 0) await this.#foldNow(batch, Promise.resolve(releaseAll)).catch(() => undefined);
    }
    const failed: unknown[] = [];
    for (const id of ids) if (this.has(id)) await this.fold(id).catch((error) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  async #foldNow(batch: readonly Pending[], locked: Promise<() => void>): Promise<void> {
    const done = this.#write(batch, locked);
    for (const { target, first } of batch) this.#folding.set(target.id, { first, done });
    try {
      await done;
    } finally {
      for (const { target } of batch) this.#folding.delete(target.id);
      this.#release();
    }
  }

  async #write(batch: readonly Pending[], locked: Promise<() => void>): Promise<void> {
    for (const { target, rows } of batch) {
      this.#pending.delete(target.id);
      this.#rows -= rows.length;
    }
    const release = await locked;
    try {
      await this.#log!.onDisk(Math.max(...batch.map(({ last }) => last)));
      const applied: (() => void)[] = [];
      await this.#database.transaction(async (connection) => {
        for (const { target, rows } of batch) {
          // A table takes some milliseconds of this thread however few its rows are.
          if (applied.length > 0) await turn();
          applied.push(await target.ensure(connection));
          await appendRows(connection, target, rows);
        }
        await this.#recordFolds(connection, batch);
      });
      for (const apply of applied) apply();
      for (const { target, last } of batch) {
        this.#folded.set(target.id, last);
        this.#changed(target.id);
      }
    } catch (error) {
      if (this.#closed) return;
      for (const pending of batch) {
        this.#rows += pending.rows.length;
        const newer = this.#pending.get(pending.target.id);
        if (newer) {
          newer.rows = pending.rows.concat(newer.rows);
          newer.first = pending.first;
        } else this.#pending.set(pending.target.id, pending);
      }
      throw error;
    } finally {
      release();
    }
  }

  async #recordFolds(connection: Connection, batch: readonly Pending[]): Promise<void> {
    const record = async (sql: string, folds: readonly Pending[]) => {
      if (folds.length === 0) return;
      const list = (numbers: readonly number[]) => ({ value: new DuckDBListValue(numbers.map(BigInt)), type: SEQUENCES });
      await connection.query(sql, [list(folds.map(({ target }) => target.id)), list(folds.map(({ last }) => last))]);
    };
    const known = (pending: Pending) => this.#folded.has(pending.target.id);
    await record(
      'UPDATE local_folds SET sequence = f.sequence FROM (SELECT unnest($1) AS id, unnest($2) AS sequence) f WHERE table_id = f.id',
      batch.filter(known),
    );
    await record(
      'INSERT INTO local_folds SELECT unnest($1), unnest($2)',
      batch.filter((pending) => !known(pending)),
    );
  }

  /** The table is gone (or was replaced by another physical one): its waiting rows go with it. */
  forget(id: number): void {
    this.#rows -= this.#pending.get(id)?.rows.length ?? 0;
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
    await this.#looking;
    await this.foldAll();
    this.#closed = true;
  }
}

/** Appends rows to a physical table inside the transaction that is open on `connection`. */
export async function appendRows(
  connection: Connection,
  { physical, types }: Pick<Target, 'physical' | 'types'>,
  rows: readonly (readonly DuckDBValue[])[],
): Promise<void> {
  const appender = await connection.raw.createAppender(physical.slice(1, -1));
  try {
    for (let at = 0; at < rows.length; at += CHUNK) {
      const part = rows.slice(at, at + CHUNK);
      const chunk = DuckDBDataChunk.create(types, part.length);
      chunk.setColumns(types.map((_, column) => part.map((row) => row[column] ?? null)));
      appender.appendDataChunk(chunk);
      if (at + CHUNK < rows.length) await turn();
    }
  } finally {
    appender.closeSync();
  }
}
