/**
 * Queries. A SELECT becomes one DuckDB SELECT, or two when it aggregates: the inner one groups, the outer one computes
 * what stands above the groups (HAVING, windows, the select list).
 *
 * 1. Output columns are called c1, c2... and hidden sort keys h1, h2...; real names are given by the outermost statement.
 * 2. ORDER BY and LIMIT are applied outside of `core`, over its columns.
 */
import type { SqlType } from '../contract.ts';
import { costOf } from '../functions/signature.ts';
import type { Node, OrderItem, Query, QueryBody, Select, WindowRef } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { someCall } from '../parse/walk.ts';
import { BOOL, formatType, INT64, isGroupable, isOrderable } from '../sql-type.ts';
import { orderKey } from './call.ts';
import { coerce } from './convert.ts';
import { analyze } from './expression.ts';
import { analyzeFrom } from './from.ts';
import { aggregates, compileGrouping } from './grouping.ts';
import { want } from './operator.ts';
import { pipe } from './pipe.ts';
import { emptyScope, type Scope } from './scope.ts';
import { aliasMap, selectItems, shape } from './select-list.ts';
import { compileSet } from './set-operation.ts';
import { render } from './subquery.ts';
import { conjunctsOf, raw } from './typed.ts';
import type { CompileBody, Env, OutColumn, Relation } from './unit.ts';
import { compileWith, refuseOrder } from './with.ts';

export function compileQuery(query: Query, outer: Env): Relation {
  const { env, prefix } = compileWith(query, outer, plainBody);
  const before = env.unit.recursions;
  const relation = compileBody(query.body, env, query.order, query);
  if (env.unit.recursions > before) refuseOrder(query, 'A query containing a recursive reference');
  return prefix === '' ? relation : { ...relation, core: `${prefix}${relation.core}` };
}

/** A body by itself, without the ORDER BY and LIMIT of a query around it. */
const plainBody: CompileBody = (body, env) => compileBody(body, env, [], undefined);

function compileBody(body: QueryBody, env: Env, order: readonly OrderItem[], query: Query | undefined): Relation {
  switch (body.k) {
    case 'select':
      return compileSelect(body, env, order, query);
    case 'query': {
      const inner = compileQuery(body.query, env);
      return order.length === 0 && !query?.limit ? inner : overRelation(inner, env, order, query);
    }
    case 'set':
      return overRelation(compileSet(body, env, plainBody), env, order, query);
    case 'pipe':
      return overRelation(
        pipe(body, env, (b) => compileBody(b, env, [], undefined)),
        env,
        order,
        query,
      );
    case 'fromOnly':
      return compileSelect(
        {
          k: 'select',
          distinct: false,
          items: [{ k: 'star', except: [], replace: [], at: body.at }],
          from: body.from,
          windows: [],
          at: body.at,
        },
        env,
        order,
        query,
      );
    default:
      throw body satisfies never;
  }
}

/** ORDER BY and LIMIT over the columns of a finished relation. */
function overRelation(relation: Relation, env: Env, order: readonly OrderItem[], query: Query | undefined): Relation {
  if (order.length === 0 && !query?.limit) return relation;
  const alias = 'gs_q';
  const core = relation.order.length > 0 || relation.limit !== '' ? render(relation) : relation.core;
  const scope: Scope = {
    parent: env.scope,
    ranges: [],
    columns: relation.columns.filter((c) => c.name !== undefined).map((c) => ({ name: c.name!, type: c.type, sql: `${alias}.${c.sql}` })),
  };
  const keys = order.map((item) => {
    checkOrderKey(item.of);
    const n = ordinal(item.of, relation.columns.length);
    const value = n ? raw(relation.columns[n - 1]!.type, `${alias}.${relation.columns[n - 1]!.sql}`) : analyze(item.of, { ...env, scope });
    checkOrderable(value.type, item.of.at);
    return orderKey(value.sql, value.type, item);
  });
  return { ...relation, core, order: keys, limit: limitSql(query, env) };
}

function limitSql(query: Query | undefined, env: Env): string {
  if (!query?.limit) return '';
  const part = (node: Node, what: string) => {
    const value = analyze(node, { ...env, scope: emptyScope() });
    if (value.untyped || costOf(value, INT64) === undefined || (typeof value.literal === 'bigint' && value.literal < 0n)) {
      throw new SyntaxFault(`Syntax error: ${what} expects an integer literal or parameter`, node.at);
    }
    return coerce(value, INT64).sql;
  };
  return ` LIMIT ${part(query.limit, 'LIMIT')}${query.offset ? ` OFFSET ${part(query.offset, 'OFFSET')}` : ''}`;
}

function ordinal(node: Node, count: number): number | undefined {
  if (node.k !== 'int') return undefined;
  const n = Number(node.text);
  if (!(n >= 1 && n <= count))
    throw new SyntaxFault(`ORDER BY column number item is out of range. Column numbers must be between 1 and ${count}, inclusive`, node.at);
  return n;
}

/** An integer is a column's number; any other literal orders nothing. */
function checkOrderKey(node: Node): void {
  if (['null', 'bool', 'float', 'string', 'bytes', 'typed'].includes(node.k))
    throw new SyntaxFault('Cannot ORDER BY literal values', node.at);
}

function checkOrderable(type: SqlType, at: number): void {
  if (!isOrderable(type)) throw new SyntaxFault(`ORDER BY does not support expressions of type ${formatType(type)}`, at);
}

function compileSelect(select: Select, outer: Env, order: readonly OrderItem[], query: Query | undefined): Relation {
  const { unit } = outer;
  const windows = new Map<string, WindowRef>(select.windows.map((w) => [w.name.toLowerCase(), w.spec]));
  const base: Env = { unit, scope: outer.scope, ctes: outer.ctes, ...(outer.locals && { locals: outer.locals }) };
  const before = unit.recursions;
  const from = select.from ? analyzeFrom(select.from, base, compileQuery) : { sql: '', scope: emptyScope(outer.scope) };
  const inFrom = unit.recursions;
  const scoped: Env = { ...base, scope: from.scope };
  const rowEnv: Env = { ...scoped, windows };
  const where = select.where
    ? want(
        analyze(select.where, { ...scoped, noAggregates: 'WHERE clause', noWindows: 'WHERE clause' }),
        BOOL,
        select.where.at,
        'WHERE clause',
      )
    : undefined;
  if (where) unit.scans.filter(conjunctsOf(where));
  const grouped =
    select.groupBy !== undefined ||
    aggregates(select.qualify) ||
    select.items.some((i) => i.k === 'expr' && aggregates(i.of)) ||
    order.some((o) => aggregates(o.of));
  if (select.having && !grouped) {
    const why = aggregates(select.having)
      ? 'only allows aggregation if GROUP BY or SELECT list aggregation is present'
      : 'requires GROUP BY or aggregation to be present';
    throw new SyntaxFault(`The HAVING clause ${why}`, select.having.at);
  }
  if (!select.from) {
    const clause = select.where
      ? 'have a WHERE clause'
      : select.distinct
        ? 'use SELECT DISTINCT'
        : select.groupBy !== undefined
          ? 'have a GROUP BY clause'
          : grouped
            ? 'use aggregation'
            : order.length > 0
              ? 'have an ORDER BY clause'
              : select.items.some((i) => i.k === 'expr' && someCall(i.of, (c) => c.over !== undefined))
                ? 'use analytic functions'
                : undefined;
    if (clause) throw new SyntaxFault(`Query without FROM clause cannot ${clause}`, select.where?.at ?? select.items[0]?.of?.at);
  }
  if (inFrom > before) refuseAcrossRows(select, grouped);
  const source = `${from.sql === '' ? '' : ` FROM ${from.sql}`}${where ? ` WHERE ${where.sql}` : ''}`;
  const group = grouped ? compileGrouping(select, rowEnv, source) : undefined;
  for (const key of group?.grouping.keys ?? []) unit.scans.derive(key.value.sql, key.sql);
  const env: Env = group ? { ...rowEnv, scope: group.scope, grouping: group.grouping } : { ...rowEnv, noAggregates: 'SELECT list' };

  const items = selectItems(select.items, env);
  const { outputs, value } = shape(select, items);
  const aliases = aliasMap(select, items);
  const having = select.having
    ? want(
        analyze(select.having, { ...env, aliases: { first: false, map: aliases }, noWindows: 'HAVING clause' }),
        BOOL,
        select.having.at,
        'HAVING clause',
      ).sql
    : undefined;
  const qualify = select.qualify
    ? want(analyze(select.qualify, { ...env, aliases: { first: false, map: aliases } }), BOOL, select.qualify.at, 'QUALIFY clause').sql
    : undefined;

  const columns: OutColumn[] = outputs.map((o, i) => ({
    name: o.name,
    type: o.value.type,
    sql: `c${i + 1}`,
    ...(o.value.untyped && { untyped: true }),
    ...(o.value.emptyArray && { emptyArray: true }),
    ...(o.value.literal !== undefined && { literal: o.value.literal }),
    ...(o.value.digits !== undefined && { digits: o.value.digits }),
    ...(unit.scans.origin(o.value.sql) && { origin: o.value.sql }),
  }));
  const hidden: string[] = [];
  const keys = order.map((item) => {
    checkOrderKey(item.of);
    const n = value ? undefined : ordinal(item.of, columns.length);
    if (n) {
      checkOrderable(columns[n - 1]!.type, item.of.at);
      return orderKey(`gs_q.c${n}`, columns[n - 1]!.type, item);
    }
    const key = analyze(item.of, { ...env, aliases: { first: true, map: aliases } });
    checkOrderable(key.type, item.of.at);
    const at = outputs.findIndex((o) => o.value.sql === key.sql);
    if (at >= 0) return orderKey(`gs_q.c${at + 1}`, key.type, item);
    if (select.distinct)
      throw new SyntaxFault('ORDER BY clause expression references a column which is not visible after SELECT DISTINCT', item.of.at);
    hidden.push(`${key.sql} AS h${hidden.length + 1}`);
    return orderKey(`gs_q.h${hidden.length}`, key.type, item);
  });
  if (select.distinct) {
    for (const [i, o] of outputs.entries()) {
      if (!isGroupable(o.value.type))
        throw new SyntaxFault(`Column ${o.name ?? i + 1} of type ${formatType(o.value.type)} cannot be used in SELECT DISTINCT`, select.at);
    }
  }
  const list = [...outputs.map((o, i) => `${o.value.sql} AS c${i + 1}`), ...hidden].join(', ');
  const body = group ? ` FROM ${group.render()}${having ? ` WHERE ${having}` : ''}` : source;
  if (qualify && !/ OVER \(/.test(qualify + list))
    throw new SyntaxFault('The QUALIFY clause requires analytic function to be present', select.qualify!.at);
  if (unit.recursions > inFrom) throw new SyntaxFault('A recursive reference from inside an expression subquery is not allowed', select.at);
  const core = `SELECT ${select.distinct ? 'DISTINCT ' : ''}${list}${body}${qualify ? ` QUALIFY ${qualify}` : ''}`;
  return { core, columns, order: keys, limit: limitSql(query, outer), value, hidden: hidden.length > 0 };
}

/** What would look at all rows of an iteration together. */
function refuseAcrossRows(select: Select, grouped: boolean): void {
  const refuse = (what: string) => new SyntaxFault(`A subquery containing a recursive reference may not use ${what}`, select.at);
  if (select.distinct || grouped) throw refuse('DISTINCT, GROUP BY, or any aggregate function');
  const windowed = (node: Node | undefined) => someCall(node, (c) => c.over !== undefined);
  if (windowed(select.qualify) || select.items.some((i) => i.k === 'expr' && windowed(i.of))) throw refuse('an analytic function');
}
