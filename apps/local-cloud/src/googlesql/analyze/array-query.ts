/**
 * A subquery over one array of the row at hand, said with DuckDB's functions over lists. As a subquery DuckDB joins it back to its rows by
 * all that they hold, which takes several times as long and holds every row in memory.
 *
 * 1. Only what a list function does exactly is taken; everything else stays the subquery that it is.
 */

import { functions } from '../functions/registry.ts';
import type { Node, Query, Select } from '../parse/ast.ts';
import { someCall } from '../parse/walk.ts';
import { arrayOf, BOOL, INT64, physicalType } from '../sql-type.ts';
import { want } from './operator.ts';
import { valueScope } from './scope.ts';
import { subquery } from './subquery.ts';
import { raw, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

/** What a lambda may not contain, or would do at another time than a subquery. */
const NOT_IN_A_LAMBDA = /\bSELECT\b|\bunnest\(|\bOVER \(|\brandom\(|\buuid\(|\bgs_fail\(/i;
const OF_A_ROW = /\bt\d+\.|\bgs_et\d+\b/;
const SORTED = new Set(['INT64', 'STRING', 'BOOL', 'DATE', 'TIMESTAMP', 'NUMERIC']);

const aggregates = (node: Node): boolean =>
  someCall(node, (call) => !call.over && functions.get(call.path.join('.').toUpperCase())?.kind === 'aggregate');

interface Elements {
  readonly list: string;
  readonly lambda: (body: string) => string;
  readonly env: Env;
}

export function arraySubquery(node: Node & { k: 'scalarQuery' | 'arrayQuery' | 'exists' }, env: Env): Typed | undefined {
  const select = plainSelect(node.query);
  const elements = select && elementsOf(select, env);
  if (!select || !elements) return undefined;
  const result =
    node.k === 'scalarQuery'
      ? aggregated(select, node.query, elements)
      : node.k === 'exists'
        ? exists(select, node.query, elements)
        : listed(select, node.query, elements);
  if (!result) return undefined;
  const lambdas = result.sql.replace(elements.list, '');
  return NOT_IN_A_LAMBDA.test(lambdas) ? undefined : result;
}

function plainSelect(query: Query): Select | undefined {
  const { body } = query;
  if (query.with.length > 0 || query.limit || query.offset || body.k !== 'select') return undefined;
  const { distinct, groupBy, having, qualify, windows, from } = body;
  if (distinct || groupBy || having || qualify || windows.length > 0 || from?.k !== 'unnest' || from.offset !== undefined) return undefined;
  return query.order.some(({ of }) => aggregates(of)) ? undefined : body;
}

function elementsOf(select: Select, outer: Env): Elements | undefined {
  const { from, where } = select;
  if (from?.k !== 'unnest') return undefined;
  const env = subquery(outer);
  const array = env.unit.analyze(from.of, env);
  if (array.untyped || array.type.kind !== 'ARRAY' || !OF_A_ROW.test(array.sql)) return undefined;
  const name = `gs_e${env.unit.alias()}`;
  const scope = valueScope(raw(array.type.element, name), from.alias, [], env.scope);
  const inner: Env = { ...env, scope, noWindows: 'a subquery over an array' };
  const lambda = (body: string) => `lambda ${name}: ${body}`;
  if (!where) return { list: array.sql, lambda, env: inner };
  const condition = want(env.unit.analyze(where, { ...inner, noAggregates: 'WHERE clause' }), BOOL, where.at, 'WHERE clause').sql;
  if (NOT_IN_A_LAMBDA.test(condition)) return undefined;
  return { list: `list_filter(${array.sql}, ${lambda(condition)})`, lambda, env: inner };
}

/** One aggregate and nothing else. */
function aggregated(select: Select, query: Query, { list, lambda, env }: Elements): Typed | undefined {
  const [item, second] = select.items;
  if (second || select.as || query.order.length > 0 || item?.k !== 'expr' || item.of.k !== 'call') return undefined;
  const { path, safe, args, named, distinct, nulls, having, order, limit, over } = item.of;
  if (path.length !== 1 || safe || named.length > 0 || distinct || nulls || having || order.length > 0 || limit || over) return undefined;
  const name = path[0]!.toUpperCase();
  if (name === 'COUNT' && args.length === 1 && args[0]!.k === 'star') return raw(INT64, `CAST(coalesce(len(${list}), 0) AS BIGINT)`);
  if (name !== 'SUM' || args.length !== 1) return undefined;
  const value = env.unit.analyze(args[0]!, { ...env, noAggregates: 'an argument of another aggregate function' });
  const sum = `list_aggregate(list_transform(${list}, ${lambda(value.sql)}), 'sum')`;
  if (value.untyped) return undefined;
  if (value.type.kind === 'INT64') return raw(INT64, `CAST(${sum} AS BIGINT)`);
  return value.type.kind === 'NUMERIC' ? raw(value.type, sum) : undefined;
}

function exists(select: Select, query: Query, { list, env }: Elements): Typed | undefined {
  if (query.order.length > 0 || !rowOf(select, { ...env, noAggregates: 'SELECT list' })) return undefined;
  return raw(BOOL, `(coalesce(len(${list}), 0) > 0)`);
}

/** ARRAY(SELECT ...), by one key at most. */
function listed(select: Select, query: Query, { list, lambda, env }: Elements): Typed | undefined {
  const rowEnv: Env = { ...env, noAggregates: 'SELECT list' };
  const row = rowOf(select, rowEnv);
  if (!row || row.untyped || row.type.kind === 'ARRAY') return undefined;
  const type = arrayOf(row.type);
  const or = (sql: string) => raw(type, `coalesce(${sql}, CAST([] AS ${physicalType(type)}))`);
  if (query.order.length === 0) return or(`list_transform(${list}, ${lambda(row.sql)})`);
  const [key, second] = query.order;
  // By a name of the result rather than of the element, ORDER BY means something else.
  if (second || key!.desc || key!.nulls || key!.collate || !ofElement(key!.of, select)) return undefined;
  const by = env.unit.analyze(key!.of, rowEnv);
  if (by.untyped || !SORTED.has(by.type.kind)) return undefined;
  const packed = lambda(`struct_pack(gs_n := ${by.sql} IS NOT NULL, gs_k := ${by.sql}, gs_v := ${row.sql})`);
  return or(`list_transform(list_sort(list_transform(${list}, ${packed})), lambda gs_s: struct_extract(gs_s, 'gs_v'))`);
}

const ofElement = (key: Node, select: Select): boolean =>
  key.k === 'dot' && key.of.k === 'name' && select.from?.k === 'unnest' && key.of.name.toLowerCase() === select.from.alias?.toLowerCase();

function rowOf(select: Select, env: Env): Typed | undefined {
  const items = select.items.flatMap((item) => (item.k === 'expr' ? [{ value: item.of, ...(item.alias && { name: item.alias }) }] : []));
  if (items.length !== select.items.length || (select.as !== 'STRUCT' && (select.as || items.length !== 1))) return undefined;
  if (items.some(({ value }) => aggregates(value))) return undefined;
  if (!select.as) return env.unit.analyze(items[0]!.value, env);
  return env.unit.analyze({ k: 'structCtor', items, tuple: false, at: select.at }, env);
}
