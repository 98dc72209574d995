/**
 * Long arrays among a statement's parameters. Bound as one value, each field of each row is an object of its own in DuckDB, made by a
 * call of its own and carried through every step of planning; laid into a temporary table they are columns.
 *
 * 1. Only an array that is read as rows everywhere it occurs (`unnest(CAST($1 AS ...)) AS v`) is laid out; every other one is bound.
 * 2. What stands in quotes is no parameter.
 */
import { DuckDBListValue } from '@duckdb/node-api';
import type { DuckSql, SqlType } from '../../googlesql/contract.ts';
import { physicalType } from '../../googlesql/sql-type.ts';
import type { BoundValue, Connection } from '../storage/connection.ts';
import { appendRows } from '../storage/ingest.ts';
import { duckType } from '../values/physical.ts';

/** From so many values on the table is cheaper. */
const LONG = 1000;

export class GivenRows {
  readonly #connection: Connection;
  readonly #laid = new Map<DuckDBListValue, string>();
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The statement with what is left to bind. */
  async in(sql: DuckSql, values: readonly BoundValue[]): Promise<{ text: string; values: readonly BoundValue[] }> {
    const tables = new Map<number, string>();
    for (const [i, { type }] of sql.binds.entries()) {
      const value = values[i]?.value;
      if (type.kind !== 'ARRAY' || !(value instanceof DuckDBListValue)) continue;
      const width = type.element.kind === 'STRUCT' ? type.element.fields.length : 1;
      if (value.items.length * width < LONG || !onlyRows(sql.text, i, type)) continue;
      tables.set(i, this.#laid.get(value) ?? (await this.#lay(value, type.element)));
    }
    return tables.size === 0 ? { text: sql.text, values } : rewritten(sql, values, tables);
  }

  async #lay(value: DuckDBListValue, element: SqlType): Promise<string> {
    const physical = `"gs_given_${this.#laid.size + 1}"`;
    await this.#connection.run(`CREATE OR REPLACE TEMP TABLE ${physical} (v ${physicalType(element)})`);
    this.#laid.set(value, physical);
    const rows = value.items.map((item) => [item]);
    await appendRows(this.#connection, { physical, types: [duckType(element)] }, rows);
    return physical;
  }

  async drop(): Promise<void> {
    for (const physical of this.#laid.values()) await this.#connection.run(`DROP TABLE IF EXISTS temp.main.${physical}`);
    this.#laid.clear();
  }
}

const QUOTED = `'(?:[^']|'')*'|"(?:[^"]|"")*"`;
const escaped = (text: string) => text.replace(/[.+*?^$()[\]{}|\\]/g, '\\$&');
const asRows = (i: number, type: SqlType) => `unnest(CAST($${i + 1} AS ${physicalType(type)})) AS v)`;

function onlyRows(text: string, i: number, type: SqlType): boolean {
  let rows = 0;
  const pattern = new RegExp(`(SELECT ${escaped(asRows(i, type))})|${QUOTED}|(\\$${i + 1}(?!\\d))`, 'g');
  for (const [, read, other] of text.matchAll(pattern)) {
    if (other) return false;
    if (read) rows++;
  }
  return rows > 0;
}

/** With the tables in the place of their arrays, and the parameters that are left numbered anew. */
function rewritten(sql: DuckSql, values: readonly BoundValue[], tables: ReadonlyMap<number, string>) {
  const left = values.map((_, i) => i).filter((i) => !tables.has(i));
  const reads = [...tables].map(([i]) => escaped(asRows(i, sql.binds[i]!.type)));
  const pattern = new RegExp(`SELECT (?:${reads.join('|')})|${QUOTED}|\\$\\d+`, 'g');
  const text = sql.text.replace(pattern, (found) => {
    if (found.startsWith('SELECT')) return `SELECT v FROM temp.main.${tables.get(Number(/\$(\d+)/.exec(found)![1]) - 1)})`;
    return found.startsWith('$') ? `$${left.indexOf(Number(found.slice(1)) - 1) + 1}` : found;
  });
  return { text, values: left.map((i) => values[i]!) };
}
