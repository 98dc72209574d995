/** IN, LIKE ANY and CASE. */
import { commonType, costOf, describeArguments } from '../functions/signature.ts';
import type { Node } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { arrayOf, BOOL, formatType, INT64 } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { negate, notNull, operator, unify, want } from './operator.ts';
import { render, subquery } from './subquery.ts';
import { nullOf, raw, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

export function analyzeCase(node: Node & { k: 'case' }, env: Env): Typed {
  const thens = node.whens.map((w) => env.unit.analyze(w.value, env));
  const otherwise = node.otherwise ? env.unit.analyze(node.otherwise, env) : nullOf(INT64);
  const all = [...thens, otherwise];
  const type = commonType(all);
  if (!type || all.some((a) => costOf(a, type) === undefined)) {
    throw new SyntaxFault(`No matching signature for operator CASE for argument types: ${describeArguments(all)}`, node.at);
  }
  let whens: string[];
  if (node.of) {
    const values = unify([env.unit.analyze(node.of, env), ...node.whens.map((w) => env.unit.analyze(w.when, env))], 'CASE', node.at);
    whens = values.slice(1).map((v) => `${values[0]!.sql} = ${v.sql}`);
  } else whens = node.whens.map((w) => want(env.unit.analyze(w.when, env), BOOL, w.when.at, 'operator CASE').sql);
  const branches = thens.map((t, i) => `WHEN ${whens[i]} THEN ${coerce(t, type).sql}`);
  return {
    type,
    sql: `CASE ${branches.join(' ')} ELSE ${coerce(otherwise, type).sql} END`,
    ...(all.every((a) => a.untyped) && { untyped: true }),
  };
}

function among(of: Typed, items: readonly Typed[], node: Node & { k: 'in' }): Typed {
  const [first, ...rest] = unify([of, ...items], 'IN', node.at);
  // DuckDB's IN takes NULLs inside of structs for values; `=` does not.
  if (first!.type.kind === 'STRUCT') {
    const each = rest.map((v) => operator('=', [first!, v], node.at, '').sql);
    return negate(raw(BOOL, `(${each.join(' OR ')})`), node.not);
  }
  return negate(raw(BOOL, `(${first!.sql} IN (${rest.map((v) => v.sql).join(', ')}))`), node.not);
}

export function analyzeIn(node: Node & { k: 'in' }, env: Env): Typed {
  const of = env.unit.analyze(node.of, env);
  if (node.list) {
    return among(
      of,
      node.list.map((n) => env.unit.analyze(n, env)),
      node,
    );
  }
  if (node.query) {
    const relation = env.unit.compileQuery(node.query, subquery(env));
    if (relation.columns.length !== 1) throw new SyntaxFault('Subquery of type IN must have only one output column', node.at);
    const column = relation.columns[0]!;
    const element: Typed = { type: column.type, sql: `gs_i.${column.sql}`, ...(column.untyped && { untyped: true }) };
    const [left, right] = unify([of, element], 'IN', node.at);
    const inner = render(relation);
    const query = right!.sql === element.sql ? inner : `SELECT ${right!.sql} FROM (${inner}) AS gs_i`;
    return negate(raw(BOOL, `(${left!.sql} IN (${query}))`), node.not);
  }
  const array = env.unit.analyze(node.unnest!, env);
  if (array.type.kind !== 'ARRAY' && !array.untyped)
    throw new SyntaxFault(`Second argument of IN UNNEST must be an array but was ${formatType(array.type)}`, node.at);
  if (array.items && !array.parameter) {
    if (array.items.length === 0) return raw(BOOL, node.not ? 'true' : 'false');
    return among(of, array.items, node);
  }
  const element = array.type.kind === 'ARRAY' ? array.type.element : INT64;
  const type = commonType([of, raw(element, '')]);
  if (!type)
    throw new SyntaxFault(`No matching signature for operator IN UNNEST for argument types: ${describeArguments([of, array])}`, node.at);
  const left = coerce(of, type);
  const list = coerce(array, arrayOf(type));
  const query = `(${left.sql} IN (SELECT unnest(${list.sql})))`;
  return negate(raw(BOOL, array.parameter || array.emptyArray ? query : `gs_in_array(${left.sql}, ${list.sql})`), node.not);
}

export function analyzeLike(node: Node & { k: 'like' }, env: Env): Typed {
  const of = env.unit.analyze(node.of, env);
  const one = (pattern: Typed): string => operator('LIKE', [of, pattern], node.at, `gs_x${env.unit.alias()}`).sql;
  notNull('LIKE', node.of, ...(node.pattern ? [node.pattern] : []));
  if (node.pattern) return negate(raw(BOOL, one(env.unit.analyze(node.pattern, env))), node.not);
  if (node.unnest) {
    const array = env.unit.analyze(node.unnest, env);
    if (array.type.kind !== 'ARRAY') throw new SyntaxFault('LIKE ANY UNNEST needs an array', node.at);
    const element = `gs_p${env.unit.alias()}`;
    const each = operator('LIKE', [of, raw(array.type.element, element)], node.at, `gs_x${env.unit.alias()}`).sql;
    // Three-valued: a NULL among the answers leaves the rest to decide.
    const any = node.quantifier === 'ANY';
    const test = (value: string) => `list_contains(gs_r, ${value})`;
    const list = `list_transform(${array.sql}, lambda ${element}: ${node.not ? `(NOT ${each})` : each})`;
    const decided = any !== node.not ? `WHEN ${test('true')} THEN true` : `WHEN ${test('false')} THEN false`;
    const otherwise = any !== node.not ? 'false' : 'true';
    return raw(
      BOOL,
      `list_transform([${list}], lambda gs_r: CASE WHEN gs_r IS NULL THEN ${any ? 'false' : 'true'} ${decided} WHEN len(list_filter(gs_r, lambda gs_n: gs_n IS NULL)) > 0 THEN NULL ELSE ${otherwise} END)[1]`,
    );
  }
  const parts = node.patterns!.map((p) => one(env.unit.analyze(p, env)));
  const joined = (node.quantifier === 'ANY') !== node.not ? ' OR ' : ' AND ';
  return raw(BOOL, `(${parts.map((p) => (node.not ? `(NOT ${p})` : p)).join(joined)})`);
}
