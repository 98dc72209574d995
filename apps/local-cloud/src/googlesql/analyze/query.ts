/**
 * Queries. A SELECT becomes one DuckDB SELECT, or two when it aggregates: the inner one groups, the outer one computes
 * what stands above the groups (HAVING, windows, the select list).
 *
 * 1. Output columns are called c1, c2... and hidden sort keys h1, h2...; real names are given by the outermost statement.
 * 2. ORDER BY and LIMIT are applied outside of `core`, over its columns.
 */
import type { SqlType } from '../contract.ts';
import { functions } from '../functions/registry.ts';
import { commonType, costOf } from '../functions/signature.ts';
import type { GroupItem, Node, OrderItem, Query, QueryBody, Select, SelectItem, WindowRef } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { someCall } from '../parse/walk.ts';
import { BOOL, fieldName, formatType, INT64, isGroupable, isOrderable, structOf } from '../sql-type.ts';
import { orderKey } from './call.ts';
import { coerce, packStruct } from './convert.ts';
import { analyze, inferName, render, want } from './expression.ts';
import { analyzeFrom } from './from.ts';
import { pipe } from './pipe.ts';
import { emptyScope, rowOf, type Scope, take } from './scope.ts';
import { raw, type Typed } from './typed.ts';
import type { Cte, Env, Grouping, OutColumn, Relation } from './unit.ts';

interface Item {
  readonly name: string | undefined;
  readonly value: Typed;
}

export function compileQuery(query: Query, outer: Env): Relation {
  const { env, prefix } = compileWith(query, outer);
  const relation = compileBody(query.body, env, query.order, query);
  return prefix === '' ? relation : { ...relation, core: `${prefix}${relation.core}` };
}

function compileWith(query: Query, outer: Env): { env: Env; prefix: string } {
  if (query.with.length === 0) return { env: outer, prefix: '' };
  const ctes = new Map(outer.ctes);
  const texts: string[] = [];
  const seen = new Set<string>();
  for (const cte of query.with) {
    const key = cte.name.toLowerCase();
    if (seen.has(key)) throw new SyntaxFault(`Duplicate alias ${cte.name} for WITH subquery`, cte.at);
    seen.add(key);
    const env: Env = { ...outer, ctes };
    const sql = `w${env.unit.alias()}`;
    const recursive = query.recursive && cte.query.body.k === 'set' && cte.query.body.op.startsWith('UNION');
    if (recursive && cte.query.body.k === 'set') {
      const anchor = compileBody(cte.query.body.left, env, [], undefined);
      const info: Cte = {
        name: cte.name,
        sql,
        columns: anchor.columns.map(({ untyped: _, emptyArray: _e, literal: _l, digits: _d, ...c }) => c),
        value: anchor.value,
      };
      ctes.set(key, info);
      const step = compileBody(cte.query.body.right, { ...env, ctes }, [], undefined);
      if (step.columns.length !== anchor.columns.length) {
        throw new SyntaxFault(
          `Queries in ${cte.query.body.op} have mismatched column count; query 1 has ${anchor.columns.length} columns, query 2 has ${step.columns.length} columns`,
          cte.query.body.at,
        );
      }
      const aligned = align(
        step,
        anchor.columns.map((c) => c.type),
        cte.query.body.op,
        cte.query.body.at,
      );
      const operator = cte.query.body.op === 'UNION ALL' ? 'UNION ALL' : 'UNION';
      texts.push(`${sql}(${anchor.columns.map((c) => c.sql).join(', ')}) AS ((${render(anchor)}) ${operator} (${aligned}))`);
      continue;
    }
    const relation = compileQuery(cte.query, { ...env });
    ctes.set(key, { name: cte.name, sql, columns: relation.columns, value: relation.value });
    texts.push(`${sql} AS (${render(relation)})`);
  }
  return { env: { ...outer, ctes }, prefix: `WITH ${query.recursive ? 'RECURSIVE ' : ''}${texts.join(', ')} ` };
}

function compileBody(body: QueryBody, env: Env, order: readonly OrderItem[], query: Query | undefined): Relation {
  switch (body.k) {
    case 'select':
      return compileSelect(body, env, order, query);
    case 'query': {
      const inner = compileQuery(body.query, env);
      return order.length === 0 && !query?.limit ? inner : overRelation(inner, env, order, query);
    }
    case 'set':
      return overRelation(compileSet(body, env), env, order, query);
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

export const isAggregate = (name: string): boolean => functions.get(name.toUpperCase())?.kind === 'aggregate';
const aggregates = (node: Node | undefined): boolean => someCall(node, (c) => !c.over && isAggregate(c.path.join('.')));

function compileSelect(select: Select, outer: Env, order: readonly OrderItem[], query: Query | undefined): Relation {
  const { unit } = outer;
  const windows = new Map<string, WindowRef>(select.windows.map((w) => [w.name.toLowerCase(), w.spec]));
  const base: Env = { unit, scope: outer.scope, ctes: outer.ctes, ...(outer.locals && { locals: outer.locals }) };
  const from = select.from ? analyzeFrom(select.from, base, compileQuery) : { sql: '', scope: emptyScope(outer.scope) };
  const scoped: Env = { ...base, scope: from.scope };
  const rowEnv: Env = { ...scoped, windows };
  const where = select.where
    ? want(
        analyze(select.where, { ...scoped, noAggregates: 'WHERE clause', noWindows: 'WHERE clause' }),
        BOOL,
        select.where.at,
        'WHERE clause',
      ).sql
    : undefined;
  const grouped =
    select.groupBy !== undefined ||
    aggregates(select.having) ||
    select.having !== undefined ||
    aggregates(select.qualify) ||
    select.items.some((i) => i.k === 'expr' && aggregates(i.of)) ||
    order.some((o) => aggregates(o.of));
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
  const source = `${from.sql === '' ? '' : ` FROM ${from.sql}`}${where ? ` WHERE ${where}` : ''}`;
  const group = grouped ? compileGrouping(select, rowEnv, source) : undefined;
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
  const core = `SELECT ${select.distinct ? 'DISTINCT ' : ''}${list}${body}${qualify ? ` QUALIFY ${qualify}` : ''}`;
  return { core, columns, order: keys, limit: limitSql(query, outer), value, hidden: hidden.length > 0 };
}

function shape(select: Select, items: readonly Item[]): { outputs: readonly Item[]; value: boolean } {
  if (items.length === 0) throw new SyntaxFault('SELECT list must not be empty', select.at);
  if (select.as === 'STRUCT') {
    const type = structOf(items.map((i) => ({ name: i.name ?? '', type: i.value.type }))) as SqlType & { kind: 'STRUCT' };
    const values = items.map((i) => i.value);
    return { outputs: [{ name: undefined, value: { type, sql: packStruct(type, values) } }], value: true };
  }
  if (select.as === 'VALUE') {
    if (items.length !== 1) throw new SyntaxFault('SELECT AS VALUE query must have exactly one column', select.at);
    return { outputs: [{ ...items[0]!, name: undefined }], value: true };
  }
  return { outputs: items, value: false };
}

function aliasMap(select: Select, items: readonly Item[]): Map<string, Typed | 'ambiguous'> {
  const map = new Map<string, Typed | 'ambiguous'>();
  const starred = select.items.some((i) => i.k === 'star');
  for (const item of items) {
    if (item.name === undefined) continue;
    const key = item.name.toLowerCase();
    const before = map.get(key);
    if (before !== undefined && (before === 'ambiguous' || before.sql !== item.value.sql)) map.set(key, 'ambiguous');
    else map.set(key, starred || item.value.name === undefined ? { ...item.value, name: item.name } : item.value);
  }
  return map;
}

export function selectItems(list: readonly SelectItem[], env: Env): Item[] {
  const out: Item[] = [];
  for (const item of list) {
    if (item.k === 'expr') {
      const value = analyze(item.of, env);
      out.push({ name: item.alias ?? inferName(item.of), value });
    } else out.push(...expandStar(item, env));
  }
  return out;
}

function expandStar(item: SelectItem & { k: 'star' }, env: Env): Item[] {
  let columns: Item[];
  if (item.of === undefined) {
    if (env.scope.columns.length === 0 && env.scope.ranges.length === 0) throw new SyntaxFault('SELECT * must have a FROM clause', item.at);
    const visible = env.scope.columns.filter((c) => !c.hidden);
    columns = visible.map((c) => ({ name: c.name === '' ? undefined : c.name, value: through(env, take(c), item.at) }));
  } else {
    const name = item.of.k === 'name' ? item.of.name.toLowerCase() : undefined;
    const range = name === undefined || env.locals?.has(name) ? undefined : env.scope.ranges.find((r) => r.alias?.toLowerCase() === name);
    if (range && !range.value) {
      columns = range.columns.filter((c) => !c.hidden).map((c) => ({ name: c.name, value: through(env, take(c), item.at) }));
    } else {
      const value = range ? rowOf(range) : analyze(item.of, env);
      const { type } = value;
      if (type.kind !== 'STRUCT') throw new SyntaxFault(`Dot-star is not supported for type ${formatType(type)}`, item.at);
      columns = type.fields.map((f, i) => ({
        name: f.name === '' ? undefined : f.name,
        value: raw(f.type, `struct_extract(${value.sql}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`),
      }));
    }
  }
  const names = new Set(columns.map((c) => c.name?.toLowerCase()));
  for (const name of item.except)
    if (!names.has(name.toLowerCase())) throw new SyntaxFault(`Column ${name} in SELECT * EXCEPT list does not exist`, item.at);
  const except = new Set(item.except.map((e) => e.toLowerCase()));
  const left = columns.filter((c) => c.name === undefined || !except.has(c.name.toLowerCase()));
  if (left.length === 0) throw new SyntaxFault('SELECT * expands to zero columns after applying EXCEPT', item.at);
  const replace = new Map(item.replace.map((r) => [r.name.toLowerCase(), r]));
  for (const name of replace.keys())
    if (!names.has(name)) throw new SyntaxFault(`Column ${name} in SELECT * REPLACE list does not exist`, item.at);
  return left.map((c) => {
    const r = c.name === undefined ? undefined : replace.get(c.name.toLowerCase());
    return r ? { name: c.name, value: analyze(r.of, env) } : c;
  });
}

/** Above a GROUP BY a column of `*` must be a key. */
function through(env: Env, value: Typed, at: number): Typed {
  if (!env.scope.grouped) return value;
  const mapped = env.scope.grouped(value);
  if (!mapped)
    throw new SyntaxFault(`Star expansion expression references column ${value.name} which is neither grouped nor aggregated`, at);
  return mapped;
}

interface Key {
  readonly node: Node | undefined;
  readonly value: Typed;
}

function compileGrouping(select: Select, env: Env, source: string): { scope: Scope; grouping: Grouping; render: () => string } {
  const alias = env.unit.alias();
  const rowEnv: Env = { ...env, noAggregates: 'GROUP BY clause', noWindows: 'GROUP BY clause' };
  const keys: Key[] = [];
  const keyOf = (node: Node): number => {
    const value = groupKey(node, select, rowEnv);
    if (!isGroupable(value.value.type))
      throw new SyntaxFault(`Grouping by expressions of type ${formatType(value.value.type)} is not allowed`, node.at);
    const i = keys.findIndex((k) => k.value.sql === value.value.sql);
    return i >= 0 ? i : keys.push(value) - 1;
  };
  const sets = select.groupBy?.all ? undefined : groupingSets(select.groupBy?.items ?? [], keyOf);
  if (select.groupBy?.all) {
    for (const item of select.items) {
      if (item.k === 'star') {
        for (const c of env.scope.columns.filter((c) => !c.hidden)) keys.push({ node: undefined, value: take(c) });
      } else if (
        !aggregates(item.of) &&
        !someCall(item.of, (c) => c.over !== undefined) &&
        !['int', 'string', 'null', 'bool', 'float', 'param'].includes(item.of.k)
      )
        keyOf(item.of);
    }
  }
  const computed = new Map<string, { ref: string; type: SqlType }>();
  const groupingIds = new Map<number, string>();
  const refs = keys.map((k, i) => ({ ...k.value, sql: `${alias}.k${i + 1}` }));
  const strip = ({ literal: _l, digits: _d, items: _i, ...t }: Typed): Typed => t;
  const grouping: Grouping = {
    source: { ...rowEnv },
    keys: keys.map((k, i) => ({ node: k.node, sql: k.value.sql, value: strip(refs[i]!) })),
    aggregate: (sql, type) => {
      let found = computed.get(sql);
      if (!found) {
        found = { ref: `a${computed.size + 1}`, type };
        computed.set(sql, found);
      }
      return raw(type, `${alias}.${found.ref}`);
    },
    groupingOf: (sql) => {
      const i = keys.findIndex((k) => k.value.sql === sql);
      if (i < 0) return undefined;
      groupingIds.set(i, `g${i + 1}`);
      return `${alias}.g${i + 1}`;
    },
  };
  const scope: Scope = {
    ...env.scope,
    grouped: (value) => {
      const i = keys.findIndex((k) => k.value.sql === value.sql);
      return i >= 0 ? strip(refs[i]!) : undefined;
    },
  };
  const renderGroups = () => {
    const list = [
      ...keys.map((k, i) => `${k.value.sql} AS k${i + 1}`),
      ...[...computed].map(([sql, { ref }]) => `${sql} AS ${ref}`),
      ...[...groupingIds].map(([i, ref]) => `CAST(GROUPING(${keys[i]!.value.sql}) AS BIGINT) AS ${ref}`),
    ];
    if (list.length === 0) list.push('count(*) AS a1');
    let by = '';
    if (sets) by = ` GROUP BY GROUPING SETS (${sets.map((set) => `(${set.map((i) => keys[i]!.value.sql).join(', ')})`).join(', ')})`;
    else if (keys.length > 0) by = ` GROUP BY ${keys.map((_, i) => i + 1).join(', ')}`;
    return `(SELECT ${list.join(', ')}${source}${by}) AS ${alias}`;
  };
  return { scope, grouping, render: renderGroups };
}

/** An ordinal, an alias of the select list, or an expression over the rows. */
function groupKey(node: Node, select: Select, env: Env): Key {
  if (node.k === 'int') {
    const n = Number(node.text);
    const item = select.items[n - 1];
    if (!(n >= 1) || !item)
      throw new SyntaxFault(
        `GROUP BY column number item is out of range. Column numbers must be between 1 and ${select.items.length}, inclusive`,
        node.at,
      );
    if (item.k !== 'expr') {
      const column = env.scope.columns.filter((c) => !c.hidden)[n - 1]!;
      return { node: undefined, value: take(column) };
    }
    if (aggregates(item.of)) throw new SyntaxFault('GROUP BY column number refers to an expression with an aggregate function', node.at);
    return { node: item.of, value: analyze(item.of, env) };
  }
  if (node.k === 'name') {
    const name = node.name.toLowerCase();
    const item = select.items.find((i) => i.k === 'expr' && i.alias?.toLowerCase() === name);
    if (item?.k === 'expr') {
      const own =
        env.scope.ranges.some((r) => r.alias?.toLowerCase() === name) || env.scope.columns.some((c) => c.name.toLowerCase() === name);
      if (!own || groupsByAlias(item.of, env)) {
        if (aggregates(item.of)) throw new SyntaxFault(`Aggregate function is not allowed in GROUP BY`, node.at);
        return { node: item.of, value: analyze(item.of, env) };
      }
    }
  }
  if (['string', 'bool', 'float', 'null', 'bytes', 'typed', 'param'].includes(node.k))
    throw new SyntaxFault('Cannot GROUP BY literal values', node.at);
  return { node, value: analyze(node, env) };
}
/** When a name is both a column and an alias, the alias wins unless it aggregates. */
function groupsByAlias(of: Node, _env: Env): boolean {
  return !aggregates(of);
}

function groupingSets(items: readonly GroupItem[], keyOf: (node: Node) => number): number[][] | undefined {
  let product: number[][] = [[]];
  let sets = false;
  for (const item of items) {
    const own = setsOf(item, keyOf);
    if (item.k === 'rollup' || item.k === 'cube' || item.k === 'sets') sets = true;
    product = product.flatMap((left) => own.map((right) => [...left, ...right]));
  }
  return sets || items.some((i) => i.k === 'tuple' && i.items.length === 0) ? product : undefined;
}
function setsOf(item: GroupItem, keyOf: (node: Node) => number): number[][] {
  switch (item.k) {
    case 'expr':
      return [[keyOf(item.of)]];
    case 'tuple':
      return [item.items.map(keyOf)];
    case 'rollup': {
      const groups = item.items.map((g) => g.map(keyOf));
      return groups.concat([[]]).map((_, i) => groups.slice(0, groups.length - i).flat());
    }
    case 'cube': {
      const groups = item.items.map((g) => g.map(keyOf));
      return Array.from({ length: 2 ** groups.length }, (_, bits) =>
        groups.filter((_, i) => ((2 ** groups.length - 1 - bits) >> (groups.length - 1 - i)) & 1).flat(),
      );
    }
    case 'sets':
      return item.sets.flatMap((s) => setsOf(s, keyOf));
  }
}

/** A relation's SELECT with its columns converted to `types`. */
function align(relation: Relation, types: readonly SqlType[], op: string, at: number): string {
  const values = relation.columns.map((c, i) => {
    const value: Typed = { ...columnValue(c), sql: `gs_a.${c.sql}` };
    if (costOf(value, types[i]!) === undefined) {
      throw new SyntaxFault(`Column ${i + 1} in ${op} has incompatible types: ${formatType(types[i]!)}, ${formatType(c.type)}`, at);
    }
    return { before: value.sql, sql: coerce(value, types[i]!).sql };
  });
  if (values.every((v) => v.before === v.sql)) return render(relation);
  return `SELECT ${values.map((v, i) => `${v.sql} AS c${i + 1}`).join(', ')} FROM (${render(relation)}) AS gs_a`;
}

function compileSet(body: QueryBody & { k: 'set' }, env: Env): Relation {
  let left = compileBody(body.left, env, [], undefined);
  let right = compileBody(body.right, env, [], undefined);
  if (body.byName) ({ left, right } = byName(left, right, body.byName, body.op, body.at));
  if (left.columns.length !== right.columns.length) {
    throw new SyntaxFault(
      `Queries in ${body.op} have mismatched column count; query 1 has ${left.columns.length} columns, query 2 has ${right.columns.length} columns`,
      body.right.at,
    );
  }
  const types = left.columns.map((c, i) => {
    const r = right.columns[i]!;
    const type = commonType([columnValue(c), columnValue(r)]);
    if (!type)
      throw new SyntaxFault(
        `Column ${i + 1} in ${body.op} has incompatible types: ${formatType(c.type)}, ${formatType(r.type)}`,
        body.right.at,
      );
    return type;
  });
  const operator = {
    'UNION ALL': 'UNION ALL',
    'UNION DISTINCT': 'UNION',
    'INTERSECT DISTINCT': 'INTERSECT',
    'EXCEPT DISTINCT': 'EXCEPT',
    'INTERSECT ALL': 'INTERSECT ALL',
    'EXCEPT ALL': 'EXCEPT ALL',
  }[body.op];
  const core = `(${align(left, types, body.op, body.at)}) ${operator} (${align(right, types, body.op, body.at)})`;
  return {
    core,
    columns: left.columns.map((c, i) => ({
      name: c.name,
      type: types[i]!,
      sql: `c${i + 1}`,
      ...(c.untyped && right.columns[i]!.untyped && { untyped: true }),
      ...(c.emptyArray && right.columns[i]!.emptyArray && { emptyArray: true }),
    })),
    order: [],
    limit: '',
    value: left.value,
    hidden: false,
  };
}
const columnValue = (c: OutColumn): Typed => ({
  type: c.type,
  sql: c.sql,
  ...(c.untyped && { untyped: true }),
  ...(c.emptyArray && { emptyArray: true }),
  ...(c.literal !== undefined && { literal: c.literal }),
  ...(c.digits !== undefined && { digits: c.digits }),
});

function byName(
  left: Relation,
  right: Relation,
  mode: NonNullable<(QueryBody & { k: 'set' })['byName']>,
  op: string,
  at: number,
): { left: Relation; right: Relation } {
  const lower = (r: Relation) => r.columns.map((c) => c.name?.toLowerCase() ?? '');
  const l = lower(left);
  const r = lower(right);
  let names: string[];
  if (mode.on) names = mode.on.map((n) => n.toLowerCase());
  else if (mode.mode === 'INNER') names = l.filter((n) => r.includes(n));
  else if (mode.mode === 'LEFT') names = l;
  else if (mode.mode === 'FULL') names = [...l, ...r.filter((n) => !l.includes(n))];
  else {
    const odd = [...l.filter((n) => !r.includes(n)), ...r.filter((n) => !l.includes(n))];
    if (odd.length > 0)
      throw new SyntaxFault(
        `${op} BY NAME requires all input queries to have identical column names, but ${odd[0]} does not appear in both`,
        at,
      );
    names = l;
  }
  if (names.length === 0) throw new SyntaxFault(`${op} BY NAME has no columns in common`, at);
  const pick = (relation: Relation, own: readonly string[], other: Relation, others: readonly string[]): Relation => {
    const columns: OutColumn[] = [];
    const list = names.map((name, i) => {
      const at = own.indexOf(name);
      const column = relation.columns[at];
      const model = column ?? other.columns[others.indexOf(name)]!;
      columns.push({ name: model.name, type: model.type, sql: `c${i + 1}`, ...((!column || column.untyped) && { untyped: true }) });
      return `${column ? `gs_b.${column.sql}` : 'NULL'} AS c${i + 1}`;
    });
    return {
      core: `SELECT ${list.join(', ')} FROM (${render(relation)}) AS gs_b`,
      columns,
      order: [],
      limit: '',
      value: false,
      hidden: false,
    };
  };
  return { left: pick(left, l, right, r), right: pick(right, r, left, l) };
}
