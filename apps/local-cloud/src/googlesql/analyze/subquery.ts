/** Subqueries as values. */
import { SyntaxFault } from '../parse/fault.ts';
import { arrayOf, formatType, physicalType } from '../sql-type.ts';
import { raw, type Typed } from './typed.ts';
import type { Env, Relation } from './unit.ts';

export function subquery(env: Env): Env {
  const { unit, scope, ctes, locals } = env;
  return { unit, scope, ctes, ...(locals && { locals }) };
}

export function render(relation: Relation): string {
  if (relation.order.length === 0 && relation.limit === '' && !relation.hidden) return relation.core;
  const order = relation.order.length > 0 ? ` ORDER BY ${relation.order.join(', ')}` : '';
  return `SELECT ${relation.columns.map((c) => `gs_q.${c.sql}`).join(', ')} FROM (${relation.core}) AS gs_q${order}${relation.limit}`;
}

export function scalarQuery(relation: Relation, at: number): Typed {
  if (relation.columns.length !== 1)
    throw new SyntaxFault(`Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values`, at);
  const column = relation.columns[0]!;
  return { type: column.type, sql: `(${render(relation)})`, ...(column.untyped && { untyped: true }) };
}

export function arrayQuery(relation: Relation, at: number): Typed {
  if (relation.columns.length !== 1)
    throw new SyntaxFault('ARRAY subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values', at);
  const column = relation.columns[0]!;
  if (column.type.kind === 'ARRAY')
    throw new SyntaxFault(
      `Cannot use array subquery with column of type ${formatType(column.type)} because nested arrays are not supported`,
      at,
    );
  const type = arrayOf(column.type);
  const order = relation.order.length > 0 ? ` ORDER BY ${relation.order.join(', ')}` : '';
  const source = relation.limit === '' ? relation.core : `SELECT gs_q.* FROM (${relation.core}) AS gs_q${order}${relation.limit}`;
  return raw(type, `(SELECT coalesce(list(gs_q.${column.sql}${order}), CAST([] AS ${physicalType(type)})) FROM (${source}) AS gs_q)`);
}
