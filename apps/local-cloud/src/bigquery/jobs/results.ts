/**
 * Where the rows of a finished query wait to be paged: small results in memory as wire rows, the rest of large ones in a scratch
 * DuckDB database that is emptied at every start. Results are forgotten, longest unread first, when there are too many.
 *
 * 1. Pages come in the order of the query, however they are asked for.
 * 2. What results hold in memory and on disk is bounded by bytes; one that had to go answers as Google does for an expired one.
 *    Those that somebody is paging through stay meanwhile, whatever the others take.
 * 3. Rows are taken from DuckDB a chunk at a time and given out a page at a time: nobody ever has all rows of a large result in hand.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { Column } from '../../googlesql/contract.ts';
import { physicalType } from '../../googlesql/sql-type.ts';
import { ApiError } from '../errors.ts';
import type { BoundValue, Connection } from '../storage/connection.ts';
import type { Database } from '../storage/database.ts';
import { rowEncoder, type WireRow, weightOf } from '../values/to-wire.ts';

export const EXPIRED = 'Not found: the result of this job has expired.';
const MB = 1024 * 1024;
/** So much of each result stays in memory, of all results, and on disk. */
const HEAD_BYTES = 2 * MB;
const MEMORY_BYTES = 128 * MB;
const DISK_BYTES = 2048 * MB;
/** Who asked for a page after the first one, and not for the last one, comes again within this time. */
const READ_WITHIN_MS = 60_000;
/** A page that weighs less is given as it is. */
const WHOLE_BYTES = 4 * MB;
/** A page that weighs more ends early; the caller cuts what is left to the length of an answer. */
const PAGE_BYTES = 32 * MB;

export interface ResultSet {
  readonly columns: readonly Column[];
  readonly total: number;
  /** For who is about to read it; false when it had to make room. */
  claim(): boolean;
  page(start: number, limit: number): Promise<readonly WireRow[]>;
}
export const noRows = (columns: readonly Column[] = []): ResultSet => ({ columns, total: 0, claim: () => true, page: async () => [] });

interface Held {
  readonly head: readonly WireRow[];
  readonly memory: number;
  /** The table in the scratch file with the rows after the head. */
  readonly rest?: { readonly name: string; readonly bytes: number };
  /** When it was paged last, if there is more. */
  pagedAt?: number | undefined;
}

export class Results {
  readonly #database: Database;
  readonly #held = new Map<number, Held>();
  #memory = 0;
  #disk = 0;
  #next = 1;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(database: Database, dir: string): Promise<Results> {
    const file = join(dir, 'scratch.duckdb');
    for (const path of [file, `${file}.wal`]) rmSync(path, { force: true });
    await database.use((connection) => connection.run(`ATTACH '${file.replaceAll("'", "''")}' AS scratch`));
    return new Results(database);
  }

  /** Runs the query on the connection and takes all of its rows. */
  async collect(
    connection: Connection,
    sql: string,
    values: readonly BoundValue[],
    columns: readonly Column[],
    aborted: AbortSignal,
  ): Promise<ResultSet> {
    const encode = rowEncoder(columns);
    const head: WireRow[] = [];
    let memory = 0;
    const chunks = connection.chunks(sql, values, aborted);
    for await (const chunk of chunks) {
      if (memory > HEAD_BYTES) {
        const rest = await this.#spill(columns, chunk, chunks);
        const bytes = Math.ceil((memory / head.length) * rest.rows);
        return this.#keep(columns, head.length + rest.rows, { head, memory, rest: { name: rest.name, bytes } });
      }
      if (head.length > 0) await breathe();
      for (const row of chunk.getRows()) {
        const wire = encode(row);
        memory += weightOf(wire);
        head.push(wire);
      }
    }
    return this.#keep(columns, head.length, { head, memory });
  }

  async #spill(
    columns: readonly Column[],
    first: DuckDBDataChunk,
    others: AsyncIterable<DuckDBDataChunk>,
  ): Promise<{ name: string; rows: number }> {
    const name = `r${this.#next++}`;
    const shape = columns.map((column, i) => `"c${i}" ${physicalType(column.type)}`).join(', ');
    let rows = first.rowCount;
    await this.#apart(async (scratch) => {
      await scratch.run(`CREATE TABLE scratch."${name}" (${shape})`);
      const appender = await scratch.raw.createAppender(name, 'main', 'scratch');
      try {
        appender.appendDataChunk(first);
        for await (const chunk of others) {
          appender.appendDataChunk(chunk);
          rows += chunk.rowCount;
          await breathe();
        }
      } finally {
        appender.closeSync();
      }
    }).catch(async (error: unknown) => {
      await this.#drop(name);
      throw error;
    });
    return { name, rows };
  }

  async #keep(columns: readonly Column[], total: number, held: Held): Promise<ResultSet> {
    const id = this.#next++;
    this.#held.set(id, held);
    this.#memory += held.memory;
    this.#disk += held.rest?.bytes ?? 0;
    for (const [oldest, { pagedAt = Number.NEGATIVE_INFINITY }] of this.#held) {
      if ((this.#memory <= MEMORY_BYTES && this.#disk <= DISK_BYTES) || oldest === id) break;
      if (performance.now() - pagedAt > READ_WITHIN_MS) await this.#forget(oldest);
    }
    // Who has the result has its number, not its rows.
    const claimed = (): Held | undefined => {
      const here = this.#held.get(id);
      if (here) {
        this.#held.delete(id);
        this.#held.set(id, here);
      }
      return here;
    };
    const stillHeld = (): Held => {
      const here = claimed();
      if (!here) throw new ApiError('notFound', EXPIRED);
      return here;
    };
    return {
      columns,
      total,
      claim: () => claimed() !== undefined,
      page: async (start, limit) => {
        const held = stillHeld();
        const { head, rest } = held;
        if (start === 0 && limit >= total && !rest) return head;
        let page = head.slice(start, start + limit);
        if (page.length < limit && start + page.length < total && rest) {
          const from = start + page.length - head.length;
          const more = await this.#rest(rest.name, columns, from, limit - page.length).catch((error: unknown) => {
            stillHeld();
            throw error;
          });
          page = [...page, ...more];
        }
        const ends = start + page.length >= total && page.reduce((sum, row) => sum + weightOf(row), 0) < WHOLE_BYTES;
        held.pagedAt = start > 0 && !ends ? performance.now() : undefined;
        return page;
      },
    };
  }

  #rest(name: string, columns: readonly Column[], from: number, limit: number): Promise<readonly WireRow[]> {
    const sql = `SELECT * FROM scratch."${name}" WHERE rowid >= ${from} AND rowid < ${from + limit} ORDER BY rowid`;
    return this.#database.use((connection) => firstRows(connection, sql, columns));
  }

  async #forget(id: number): Promise<void> {
    const held = this.#held.get(id);
    // Another one that came meanwhile made room as well.
    if (!held) return;
    const { memory, rest } = held;
    this.#held.delete(id);
    this.#memory -= memory;
    if (!rest) return;
    this.#disk -= rest.bytes;
    await this.#drop(rest.name);
  }

  #drop(name: string): Promise<unknown> {
    return this.#apart((scratch) => scratch.run(`DROP TABLE IF EXISTS scratch."${name}"`));
  }

  /** Who collects holds a pooled connection already, and must not wait for another one. */
  async #apart<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#database.connect();
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  }
}

/** The rows of a query up to a weight. */
export async function firstRows(connection: Connection, sql: string, columns: readonly Column[]): Promise<readonly WireRow[]> {
  const encode = rowEncoder(columns);
  const rows: WireRow[] = [];
  let weight = 0;
  for await (const chunk of connection.chunks(sql)) {
    for (const row of chunk.getRows()) {
      const wire = encode(row);
      weight += weightOf(wire);
      rows.push(wire);
      if (weight > PAGE_BYTES) return rows;
    }
  }
  return rows;
}
