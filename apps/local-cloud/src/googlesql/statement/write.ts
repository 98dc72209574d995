/** What every writing statement shares: the target, assignment of values to columns, partition ids, row filters. */

import { constrain } from '../analyze/construct.ts';
import { coerce } from '../analyze/convert.ts';
import { analyze } from '../analyze/expression.ts';
import { emptyScope, type Scope } from '../analyze/scope.ts';
import { findTable, rowFilter, tableColumns } from '../analyze/tables.ts';
import type { Typed } from '../analyze/typed.ts';
import type { Env } from '../analyze/unit.ts';
import type { CatalogTable, Column } from '../contract.ts';
import { costOf } from '../functions/signature.ts';
import { nearest } from '../nearest.ts';
import type { Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseLoneExpression } from '../parse/statement.ts';
import { formatType, physicalType, quote } from '../sql-type.ts';
import { outputColumn } from './output.ts';

export interface Target {
  readonly table: CatalogTable;
  readonly physical: string;
  readonly alias: string;
  readonly scope: Scope;
  /** Rows that the caller may see; '' when there is no policy. */
  readonly filter: string;
}

export function targetOf(path: readonly string[], alias: string | undefined, at: number, env: Env): Target {
  const table = findTable(path, env, at);
  if (table.kind === 'VIEW' || !table.physical)
    throw new SyntaxFault(`Cannot modify ${table.path.dataset}.${table.path.table}, which is a view`, at, 'invalid');
  const name = env.unit.alias();
  const columns = tableColumns(table, name);
  const scope: Scope = { parent: undefined, ranges: [{ alias: alias ?? path.at(-1)!.split('.').at(-1), columns }], columns };
  return { table, physical: table.physical, alias: name, scope, filter: rowFilter(table, scope, env, at) ?? '' };
}

export function columnOf(table: CatalogTable, name: string, at: number): Column {
  const found = table.columns.find((c) => c.name.toLowerCase() === name.toLowerCase());
  if (found) return found;
  if (name.toUpperCase() === '_PARTITIONTIME' && table.partitioning?.column === '_PARTITIONTIME')
    return { name: '_PARTITIONTIME', type: { kind: 'TIMESTAMP' } };
  const hint = nearest(
    name,
    table.columns.map((c) => c.name),
  );
  throw new SyntaxFault(
    `Column ${name} is not present in table ${table.path.project}.${table.path.dataset}.${table.path.table}${hint ? `; Did you mean ${hint}?` : ''}`,
    at,
  );
}

/** The SQL to store in a column; `verb` is for the message. */
export function assigned(value: Typed, column: Column, at: number, verb = 'inserted into'): string {
  if (costOf(value, column.type) === undefined) {
    throw new SyntaxFault(
      `Value has type ${formatType(value.type)} which cannot be ${verb} column ${column.name}, which has type ${formatType(column.type)}`,
      at,
    );
  }
  return stored(coerce(value, column.type), column);
}

function stored(value: Typed, column: Column): string {
  const limits =
    column.maxLength !== undefined
      ? [column.maxLength]
      : column.precision !== undefined
        ? [column.precision, column.scale ?? 0]
        : undefined;
  const limited = limits && !value.untyped ? constrain(value, limits, false) : value;
  const sql = outputColumn(limited.sql, column.type, column.name);
  if (column.required && value.untyped) throw new SyntaxFault(`Required field ${column.name} cannot be null`);
  return sql;
}

/** What a column gets when it is not named: its default, or NULL. */
export function defaultOf(column: Column, env: Env, at: number): string {
  if (column.defaultSql === undefined) {
    if (column.required) throw new SyntaxFault(`Required column ${column.name} is not provided`, at);
    return column.type.kind === 'ARRAY' ? `CAST([] AS ${physicalType(column.type)})` : `CAST(NULL AS ${physicalType(column.type)})`;
  }
  const value = analyze(parseLoneExpression(column.defaultSql), { unit: env.unit, scope: emptyScope(), ctes: new Map() });
  return assigned(value, column, at);
}

/** A value or the word DEFAULT. */
export function valueFor(node: Node, column: Column, env: Env, verb?: string): string {
  if (node.k === 'default') return defaultOf({ ...column, required: false }, env, node.at);
  return assigned(analyze(node, env), column, node.at, verb);
}

/** All columns that a row written to the table has, pseudo-columns included. */
export function storedColumns(table: CatalogTable): Column[] {
  const columns = [...table.columns];
  const { partitioning } = table;
  if (partitioning?.column === '_PARTITIONTIME')
    columns.push({
      name: '_PARTITIONTIME',
      type: { kind: 'TIMESTAMP' },
      defaultSql: `TIMESTAMP_TRUNC(CURRENT_TIMESTAMP(), ${partitioning.granularity})`,
    });
  return columns;
}

export const columnList = (columns: readonly Column[]): string => columns.map((c) => quote(c.name)).join(', ');

/** The partition id of a row of the target, as INFORMATION_SCHEMA.PARTITIONS shows it. */
export function partitionId(table: CatalogTable, alias: string): string | undefined {
  const { partitioning } = table;
  if (!partitioning) return undefined;
  const column = `${alias}.${quote(table.columns.find((c) => c.name.toLowerCase() === partitioning.column.toLowerCase())?.name ?? partitioning.column)}`;
  if (partitioning.granularity === 'RANGE' && partitioning.range) {
    const { start, end, interval } = partitioning.range;
    return `CASE WHEN ${column} IS NULL THEN '__NULL__' WHEN ${column} < ${start} OR ${column} >= ${end} THEN '__UNPARTITIONED__' ELSE CAST((${column} - ${start}) // ${interval} * ${interval} + ${start} AS VARCHAR) END`;
  }
  const format = { HOUR: '%Y%m%d%H', DAY: '%Y%m%d', MONTH: '%Y%m', YEAR: '%Y' }[partitioning.granularity as 'DAY'];
  return `CASE WHEN ${column} IS NULL THEN '__NULL__' ELSE strftime(${column}, '${format}') END`;
}
