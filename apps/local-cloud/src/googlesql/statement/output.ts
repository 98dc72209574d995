/**
 * What leaves a statement, to a result or to a table: arrays are never NULL, and none has a NULL element.
 */

import { packStruct } from '../analyze/convert.ts';
import { keptRows } from '../analyze/partitions.ts';
import type { Env } from '../analyze/unit.ts';
import type { Bind, CompiledQuery, DuckSql, SqlType, TablePath } from '../contract.ts';
import { fieldName, physicalType } from '../sql-type.ts';

function holdsArray(type: SqlType): boolean {
  return type.kind === 'ARRAY' || (type.kind === 'STRUCT' && type.fields.some((f) => holdsArray(f.type)));
}

/** `checked`: NULL elements are an error, as in BigQuery. */
export function outputColumn(sql: string, type: SqlType, name = ''): string {
  if (!holdsArray(type)) return sql;
  return clean(sql, type, name.replaceAll("'", "''"), 0);
}

function clean(sql: string, type: SqlType, name: string, depth: number): string {
  if (type.kind === 'ARRAY') {
    const inner = holdsArray(type.element)
      ? `list_transform(${sql}, lambda gs_o${depth}: ${clean(`gs_o${depth}`, type.element, name, depth + 1)})`
      : sql;
    return `CASE WHEN ${sql} IS NULL THEN CAST([] AS ${physicalType(type)}) WHEN list_position(${sql}, NULL) IS NOT NULL THEN gs_fail('Array cannot have a null element; error in writing field ${name}') ELSE ${inner} END`;
  }
  if (type.kind !== 'STRUCT' || !holdsArray(type)) return sql;
  const e = `gs_o${depth}`;
  const fields = type.fields.map((f, i) => ({
    sql: clean(`struct_extract(${e}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`, f.type, f.name || name, depth + 1),
  }));
  return `list_transform([${sql}], lambda ${e}: CASE WHEN ${e} IS NULL THEN NULL ELSE ${packStruct(type, fields)} END)[1]`;
}

export function readsOf(env: Env): CompiledQuery['reads'] {
  const { reads, scans } = env.unit;
  const read = [...reads.values()].map(({ path, columns }) => ({ path, columns: [...columns], ...leftOf(path, env) }));
  const written = scans.all.map(({ table }) => table.path).filter((path) => !read.some((other) => samePath(path, other.path)));
  return [...read, ...written.map((path) => ({ path, ...leftOf(path, env) }))];
}

const samePath = (a: TablePath, b: TablePath) => a.table === b.table && a.dataset === b.dataset && a.project === b.project;

function leftOf(path: TablePath, env: Env): Pick<CompiledQuery['reads'][number], 'unfiltered' | 'kept'> {
  const scans = env.unit.scans.of(path);
  if (scans.length === 0) return {};
  if (scans.every(({ filters }) => filters.length > 0)) return { kept: duckSql(keptRows(scans), env) };
  return scans.every(({ filtered }) => filtered) ? {} : { unfiltered: true };
}

/** The statement with only the binds that it uses, numbered from 1. Quoted text is left alone. */
export function duckSql(text: string, env: Env): DuckSql {
  const binds: Bind[] = [];
  const numbers = new Map<string, number>();
  const out = text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\d+)/g, (whole, n?: string) => {
    if (n === undefined) return whole;
    let k = numbers.get(n);
    if (k === undefined) {
      k = binds.push(env.unit.binds[Number(n) - 1]!);
      numbers.set(n, k);
    }
    return `$${k}`;
  });
  return { text: out, binds };
}
