/**
 * Where the rows of a finished query wait to be paged: small results in memory as wire rows, large ones in a scratch
 * DuckDB database that is emptied at every start. Results are forgotten, oldest first, when there are too many.
 *
 * 1. Pages come in the order of the query, however they are asked for.
 * 2. Memory held by results stays bounded; a result that had to go answers as Google does for an expired one.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import type { Column } from '../../googlesql/contract.ts';
import { physicalType } from '../../googlesql/sql-type.ts';
import { ApiError } from '../errors.ts';
import type { BoundValue, Connection, Database } from '../storage/database.ts';
import { rowEncoder, type WireRow } from '../values/to-wire.ts';

const MEMORY_CELLS_PER_RESULT = 200_000;
const MEMORY_CELLS = 4_000_000;
const SPILLED_RESULTS = 50;

export interface ResultSet {
  readonly columns: readonly Column[];
  readonly total: number;
  page(start: number, limit: number): Promise<readonly WireRow[]>;
}
export const noRows = (columns: readonly Column[] = []): ResultSet => ({ columns, total: 0, page: async () => [] });

interface Held {
  cells: number;
  drop: () => void;
}

export class Results {
  readonly #database: Database;
  readonly #held = new Set<Held>();
  readonly #spilled: string[] = [];
  #cells = 0;
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
    // Not streamed: a stream runs the query on this thread, chunk by chunk, and holds up everybody else.
    let result: DuckDBResult;
    try {
      result = await connection.query(sql, values);
    } catch (error) {
      if (error instanceof Error && /^Out of Memory/i.test(error.message)) return this.#runIntoScratch(connection, sql, values, columns);
      throw error;
    }
    const encode = rowEncoder(columns);
    const rows: WireRow[] = [];
    const width = Math.max(columns.length, 1);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (!chunk || chunk.rowCount === 0) return this.#inMemory(columns, rows);
      if (aborted.aborted) throw new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
      if ((rows.length + chunk.rowCount) * width > MEMORY_CELLS_PER_RESULT) return this.#spill(columns, rows, chunk, result, aborted);
      for (const row of chunk.getRows()) rows.push(encode(row));
      if (rows.length > chunk.rowCount) await breathe();
    }
  }

  /** For a result that does not fit into memory: the query runs once more, on its own snapshot, straight into the scratch file. */
  async #runIntoScratch(
    connection: Connection,
    sql: string,
    values: readonly BoundValue[],
    columns: readonly Column[],
  ): Promise<ResultSet> {
    const name = `r${this.#next++}`;
    await connection.run(`CREATE TABLE scratch."${name}" (${shapeOf(columns)})`);
    const { rowsChanged } = await connection.query(`INSERT INTO scratch."${name}" ${sql}`, values);
    await this.#remember(name);
    return this.#paged(name, columns, [], rowsChanged);
  }

  #inMemory(columns: readonly Column[], rows: readonly WireRow[]): ResultSet {
    let kept: readonly WireRow[] | undefined = rows;
    const total = rows.length;
    const held: Held = {
      cells: total * Math.max(columns.length, 1),
      drop: () => {
        kept = undefined;
      },
    };
    this.#held.add(held);
    this.#cells += held.cells;
    for (const oldest of this.#held) {
      if (this.#cells <= MEMORY_CELLS || oldest === held) break;
      this.#held.delete(oldest);
      this.#cells -= oldest.cells;
      oldest.drop();
    }
    return {
      columns,
      total,
      page: async (start, limit) => {
        if (!kept) throw expired();
        return start === 0 && limit >= total ? kept : kept.slice(start, start + limit);
      },
    };
  }

  async #spill(
    columns: readonly Column[],
    encoded: readonly WireRow[],
    first: DuckDBDataChunk,
    result: { fetchChunk(): Promise<DuckDBDataChunk | null> },
    aborted: AbortSignal,
  ): Promise<ResultSet> {
    const name = `r${this.#next++}`;
    const spilled = await this.#database.connect();
    let total = encoded.length;
    try {
      await spilled.run(`CREATE TABLE scratch."${name}" (${shapeOf(columns)})`);
      const appender = await spilled.raw.createAppender(name, 'main', 'scratch');
      try {
        for (let chunk: DuckDBDataChunk | null = first; chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
          if (aborted.aborted) throw new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
          appender.appendDataChunk(chunk);
          total += chunk.rowCount;
          await breathe();
        }
      } finally {
        appender.closeSync();
      }
    } finally {
      spilled.close();
    }
    await this.#remember(name);
    return this.#paged(name, columns, encoded, total);
  }

  async #remember(name: string): Promise<void> {
    this.#spilled.push(name);
    if (this.#spilled.length <= SPILLED_RESULTS) return;
    const oldest = this.#spilled.shift()!;
    await this.#database.use((connection) => connection.run(`DROP TABLE IF EXISTS scratch."${oldest}"`));
  }

  /** The first rows may still be in hand; the others follow in the scratch table. */
  #paged(name: string, columns: readonly Column[], head: readonly WireRow[], total: number): ResultSet {
    const encode = rowEncoder(columns);
    return {
      columns,
      total,
      page: async (start, limit) => {
        const fromHead = head.slice(start, start + limit);
        if (fromHead.length === limit || start + fromHead.length >= total) return fromHead;
        if (!this.#spilled.includes(name)) throw expired();
        const offset = start + fromHead.length - head.length;
        const rows = await this.#database.use(async (connection) => {
          const page = await connection.run(`SELECT * FROM scratch."${name}" LIMIT ${limit - fromHead.length} OFFSET ${offset}`);
          return (await page.getRows()).map(encode);
        });
        return [...fromHead, ...rows];
      },
    };
  }
}

const shapeOf = (columns: readonly Column[]) => columns.map((column, i) => `"c${i}" ${physicalType(column.type)}`).join(', ');
const expired = () => new ApiError('notFound', 'Not found: the result of this job has expired.');
