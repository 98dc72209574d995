/** GROUP BY: keys, grouping sets, and the inner SELECT that computes keys and aggregates. */
import type { SqlType } from '../contract.ts';
import { functions } from '../functions/registry.ts';
import type { GroupItem, Node, Select } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { someCall } from '../parse/walk.ts';
import { formatType, isGroupable } from '../sql-type.ts';
import { analyze } from './expression.ts';
import { type Scope, take } from './scope.ts';
import { raw, type Typed } from './typed.ts';
import type { Env, Grouping } from './unit.ts';

export const isAggregate = (name: string): boolean => functions.get(name.toUpperCase())?.kind === 'aggregate';

export const aggregates = (node: Node | undefined): boolean => someCall(node, (c) => !c.over && isAggregate(c.path.join('.')));

interface Key {
  readonly node: Node | undefined;
  readonly value: Typed;
}

export function compileGrouping(select: Select, env: Env, source: string): { scope: Scope; grouping: Grouping; render: () => string } {
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
