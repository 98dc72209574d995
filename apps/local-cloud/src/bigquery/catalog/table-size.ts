/**
 * How many bytes BigQuery would count for a table: exact for fixed-width types, by a sample for the rest.
 * Good for estimates (dryRun, billing, numBytes); says so nowhere, so nobody should bill by it.
 */

import type { Column, SqlType } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import type { Store } from '../storage/store.ts';
import type { TableRecord } from './catalog.ts';
import { whereItLies } from './moved.ts';

const FIXED: Partial<Record<SqlType['kind'], number>> = {
  INT64: 8,
  FLOAT64: 8,
  NUMERIC: 16,
  BIGNUMERIC: 32,
  BOOL: 1,
  DATE: 8,
  TIME: 8,
  DATETIME: 8,
  TIMESTAMP: 8,
  INTERVAL: 16,
};
const SAMPLE = 1000;
const ROUGH_FROM_ROWS = 10_000;
const ROUGH_MS = 5000;

export interface TableSize {
  readonly rows: number;
  readonly bytes: number;
  /** Average bytes of each column, by lower-case name. */
  readonly perColumn: ReadonlyMap<string, number>;
}
interface Known {
  readonly version: number;
  readonly record: TableRecord;
  readonly size: TableSize;
  readonly at: number;
  /** From the counts of statements since, not from the table. */
  readonly reckoned?: boolean;
}
const EMPTY: TableSize = { rows: 0, bytes: 0, perColumn: new Map() };

export class TableSizes {
  readonly #store: Store;
  readonly #known = new Map<number, Known>();
  readonly #averages = new Map<number, { record: TableRecord; rows: number; perColumn: Map<string, number> }>();
  constructor(store: Store) {
    this.#store = store;
  }

  /** `rough`: what was true seconds ago will do, if the table is large enough for that to be nearly right. */
  async of(table: TableRecord, rough = false): Promise<TableSize> {
    const store = this.#store;
    if (table.kind !== 'TABLE') return EMPTY;
    if (!rough && store.ingest.has(table.id)) await store.ingest.fold(table.id);
    if (!store.catalog.hasPhysical(table.id) && store.catalog.parts.of(table.id).length === 0) return EMPTY;
    const version = store.version(table.id);
    const known = this.#known.get(table.id);
    if (known?.record === table) {
      if (known.version === version && (rough || !known.reckoned)) return known.size;
      if (rough && known.size.rows > ROUGH_FROM_ROWS && known.at > Date.now() - ROUGH_MS) return known.size;
    }
    const measure = (from: string) =>
      store.database.use(async (connection) => {
        const [[count]] = (await (await connection.query(`SELECT count(*) FROM ${from}`)).getRows()) as [[bigint]];
        const rows = Number(count);
        let averages = this.#averages.get(table.id);
        // Averages move slowly: measure again only when the table has doubled.
        if (averages?.record.columns !== table.columns || rows > averages.rows * 2 + 10) {
          averages = { record: table, rows, perColumn: new Map() };
          const measured = table.columns.filter((column) => FIXED[column.type.kind] === undefined);
          for (const column of table.columns) averages.perColumn.set(column.name.toLowerCase(), FIXED[column.type.kind] ?? 0);
          if (measured.length > 0 && rows > 0) {
            const sums = measured.map((column) => `avg(${lengthSql(column)})`).join(', ');
            const [row] = await connection.rows(`SELECT ${sums} FROM (SELECT * FROM ${from} LIMIT ${SAMPLE})`);
            for (const [i, column] of measured.entries()) averages.perColumn.set(column.name.toLowerCase(), Number(row?.[i] ?? 0));
          }
          this.#averages.set(table.id, averages);
        }
        let width = 0;
        for (const bytes of averages.perColumn.values()) width += bytes;
        return { rows, bytes: Math.round(rows * width), perColumn: averages.perColumn };
      });
    const size = await whereItLies(undefined, () => store.catalog.rowsOf(table), measure);
    this.#known.set(table.id, { version, record: table, size, at: Date.now() });
    if (this.#known.size > 5000) this.#known.clear();
    if (this.#averages.size > 5000) this.#averages.clear();
    return size;
  }

  /** A statement, the last that changed the table, left it with so many more rows. Spares the next estimate a count. */
  grew(id: number, by: number): void {
    const known = this.#known.get(id);
    const rows = (known?.size.rows ?? 0) + by;
    if (known?.version !== this.#store.version(id) - 1 || rows > (this.#averages.get(id)?.rows ?? 0) * 2 + 10) return;
    let width = 0;
    for (const bytes of known.size.perColumn.values()) width += bytes;
    const size = { rows, bytes: Math.round(rows * width), perColumn: known.size.perColumn };
    this.#known.set(id, { ...known, version: known.version + 1, size, reckoned: true });
  }

  /** Bytes of the named columns (all when unknown), in so many of its rows if not in all. */
  async scanned(
    table: TableRecord,
    columns: readonly string[] | undefined,
    kept?: () => Promise<number>,
  ): Promise<{ rows: number; bytes: number }> {
    const size = await this.of(table, true);
    const rows = kept && size.rows > 0 ? await kept() : size.rows;
    if (!columns && rows === size.rows) return size;
    let width = 0;
    for (const name of columns ? new Set(columns.map((column) => column.toLowerCase())) : size.perColumn.keys())
      width += size.perColumn.get(name) ?? 0;
    return { rows, bytes: Math.round(rows * width) };
  }
}

function lengthSql(column: Column): string {
  const name = quote(column.name);
  const text = column.type.kind === 'STRING' || column.type.kind === 'JSON' || column.type.kind === 'GEOGRAPHY';
  if (text) return `coalesce(2 + strlen(${name}), 0)`;
  if (column.type.kind === 'BYTES') return `coalesce(2 + octet_length(${name}), 0)`;
  return `coalesce(strlen(CAST(${name} AS VARCHAR)), 0)`;
}
