/**
 * FROM: tables, views, UNNEST, subqueries, joins. The result is DuckDB text and the scope of what it offers.
 *
 * 1. Every source gets an alias of its own; GoogleSQL names live in the scope only.
 * 2. The right side of a join or comma sees the left side (correlated UNNEST).
 */
import type { SqlType } from '../contract.ts';
import { commonType } from '../functions/signature.ts';
import type { From } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseLoneQuery } from '../parse/statement.ts';
import { BOOL, formatType, INT64 } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { analyze } from './expression.ts';
import { inferName } from './names.ts';
import { want } from './operator.ts';
import { pivot, unpivot } from './pivot.ts';
import { bindArguments, findRoutine } from './routine.ts';
import { emptyScope, type RangeVariable, resolve, type Scope, type ScopeColumn, type Source, valueScope } from './scope.ts';
import { subquery } from './subquery.ts';
import { type CompileQuery, ofColumns, ofRelation, tableSource } from './tables.ts';
import { raw, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

export function analyzeFrom(from: From, env: Env, compileQuery: CompileQuery): Source {
  switch (from.k) {
    case 'path':
      return analyzePath(from, env, compileQuery);
    case 'unnest':
      return unnest(analyze(from.of, env), from.alias ?? undefined, from.offset, from.at, env, inferName(from.of));
    case 'query':
      return ofRelation(compileQuery(from.query, subquery({ ...env, scope: beyondFrom(env.scope) })), from.alias, env);
    case 'rows':
      throw new SyntaxFault('Unexpected table expression', from.at);
    case 'join':
      return analyzeJoin(from, env, compileQuery);
    case 'tvf':
      return tableFunction(from, env, compileQuery);
    case 'pivot':
      return pivot(from, analyzeFrom(from.input, env, compileQuery), env);
    case 'unpivot':
      return unpivot(from, analyzeFrom(from.input, env, compileQuery), env);
    case 'sample': {
      const input = analyzeFrom(from.input, env, compileQuery);
      if (input.within) throw new SyntaxFault('TABLESAMPLE cannot be used with arrays', from.at);
      const size = analyze(from.size, { ...env, scope: emptyScope() });
      env.unit.deterministic = false;
      if (typeof size.literal !== 'bigint' && typeof size.literal !== 'number')
        throw new SyntaxFault('TABLESAMPLE size must be a literal', from.at, 'unsupported');
      return { ...input, sql: `${input.sql} TABLESAMPLE SYSTEM(${Number(size.literal)} PERCENT)` };
    }
    default:
      throw from satisfies never;
  }
}

const beyondFrom = (scope: Scope): Scope => (scope.siblings && scope.parent ? beyondFrom(scope.parent) : scope);

function unnest(
  array: Typed,
  alias: string | undefined,
  offset: string | true | undefined,
  at: number,
  env: Env,
  implied: string | undefined,
): Source {
  if (array.untyped) throw new SyntaxFault('UNNEST of an untyped NULL is not supported', at);
  if (array.type.kind !== 'ARRAY')
    throw new SyntaxFault(`Values referenced in UNNEST must be arrays. UNNEST contains expression of type ${formatType(array.type)}`, at);
  const { element } = array.type;
  const { sql } = array;
  const name = env.unit.alias();
  const scope = (v: string, o: string): Scope => {
    const position = offset === undefined ? [] : [{ name: offset === true ? 'offset' : offset, type: INT64, sql: o }];
    return valueScope(raw(element, v), alias ?? implied, position, env.scope);
  };
  const rows =
    offset === undefined
      ? `SELECT unnest(${sql}) AS v`
      : `SELECT gs_u.v, gs_u.o - 1 AS o FROM unnest(${sql}) WITH ORDINALITY AS gs_u(v, o)`;
  const within = (row: string) => {
    // Its positions are counted in an array that is computed once more, and then as long as the first.
    if (!isOf(row, sql) || (offset !== undefined && VOLATILE.test(sql))) return undefined;
    const [v, o] = [`gs_${name}v`, `gs_${name}o`];
    const position = offset === undefined ? '' : `, unnest(range(len(${sql}))) AS ${o}`;
    return { columns: `unnest(${sql}) AS ${v}${position}`, scope: scope(`${row}.${v}`, `${row}.${o}`) };
  };
  return { sql: `(${rows}) AS ${name}`, name, scope: scope(`${name}.v`, `${name}.o`), lateral: true, within };
}

const VOLATILE = /\b(?:random|uuid)\(/;
/** Whether it looks at columns of that relation, and at nothing else that has a name. */
function isOf(row: string, sql: string): boolean {
  const names = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '').match(/\b[a-z_]\w*(?=\.)|\bSELECT\b/gi);
  return names?.every((name) => name === row) ?? false;
}

type PathFrom = From & { k: 'path' };
function analyzePath(from: PathFrom, env: Env, compileQuery: CompileQuery): Source {
  const [head] = from.path;
  const alias = from.alias ?? from.path.at(-1)!;
  if (from.path.length === 1) {
    const cte = env.ctes.get(head!.toLowerCase());
    if (cte?.recursive) {
      if (++cte.recursive.references > 1)
        throw new SyntaxFault(`Multiple recursive references to table '${cte.name}' are not allowed`, from.at);
      env.unit.recursions++;
    }
    if (cte) return ofColumns(cte.sql, cte.columns, cte.value, alias, env, true);
  }
  if (from.path.length > 1 || env.locals?.has(head!.toLowerCase())) {
    const local = env.locals?.get(head!.toLowerCase());
    const found = local && from.path.length === 1 ? { value: local, rest: [] } : correlated(from, env);
    if (found) {
      if (found.rest.length > 0)
        throw new SyntaxFault(`Cannot access field ${found.rest[0]} on a value with type ${formatType(found.value.type)}`, from.at);
      return unnest(found.value, from.alias, from.offset, from.at, env, from.path.at(-1)!);
    }
  }
  if (from.offset !== undefined) throw new SyntaxFault('WITH OFFSET can only be used with array scans', from.at);
  if (from.asOf) throw new SyntaxFault('FOR SYSTEM_TIME AS OF is not supported', from.at, 'unsupported');
  return tableSource(from.path, alias, from.at, env, compileQuery);
}

/** `t.array_column` in FROM means UNNEST when `t` is a range variable or column in scope. */
function correlated(from: PathFrom, env: Env): { value: Typed; rest: readonly string[] } | undefined {
  const head = from.path[0]!.toLowerCase();
  for (let s: Scope | undefined = env.scope; s; s = s.parent) {
    if (s.ranges.some((r) => r.alias?.toLowerCase() === head)) return resolve(env.scope, from.path, from.at);
  }
  return undefined;
}

function tableFunction(from: From & { k: 'tvf' }, env: Env, compileQuery: CompileQuery): Source {
  const routine = findRoutine(from.path, env);
  if (routine?.kind !== 'TABLE') throw new SyntaxFault(`Table-valued function not found: ${from.path.join('.')}`, from.at);
  const locals = bindArguments(
    routine,
    from.args.map((a) => analyze(a, env)),
    from.at,
  );
  return env.unit.expanding(from.path.join('.'), from.at, () => {
    const relation = compileQuery(parseLoneQuery(routine.bodySql), { unit: env.unit, scope: emptyScope(), ctes: new Map(), locals });
    return ofRelation(relation, from.alias ?? from.path.at(-1)!, env);
  });
}

type Join = From & { k: 'join' };
function analyzeJoin(join: Join, env: Env, compileQuery: CompileQuery): Source {
  const before = env.unit.recursions;
  const left = analyzeFrom(join.left, env, compileQuery);
  const between = env.unit.recursions;
  const alongside = analyzeFrom(join.right, { ...env, scope: { ...left.scope, parent: env.scope, siblings: true } }, compileQuery);
  const array = left.name !== undefined && multiplies(join) ? alongside.within?.(left.name) : undefined;
  const right = array ? { ...alongside, scope: array.scope } : alongside;
  refuseOuter(join, between > before, env.unit.recursions > between);
  const shared = new Set<RangeVariable>();
  for (const r of right.scope.ranges) {
    const l = r.alias !== undefined && left.scope.ranges.find(({ alias }) => alias?.toLowerCase() === r.alias!.toLowerCase());
    if (!l) continue;
    if (!l.offset || !r.offset) throw new SyntaxFault(`Duplicate table alias ${r.alias} in the same FROM clause`, join.right.at);
    shared.add(l).add(r);
  }
  const scope: Scope = {
    parent: env.scope,
    ranges: [...left.scope.ranges, ...right.scope.ranges].filter((range) => !shared.has(range)),
    columns: [...left.scope.columns, ...right.scope.columns],
  };
  const on =
    join.on &&
    want(
      analyze(join.on, { ...env, scope, noAggregates: 'JOIN ON clause', noWindows: 'JOIN ON clause' }),
      BOOL,
      join.on.at,
      'JOIN ON clause',
    ).sql;
  if (array) {
    const { within: _, ...rows } = left;
    const all = `(SELECT ${left.name}.*, ${array.columns} FROM ${left.sql}) AS ${left.name}`;
    return { ...rows, sql: on ? `(SELECT * FROM ${all} WHERE ${on}) AS ${left.name}` : all, scope };
  }
  const text = join.right.k === 'join' && right.name === undefined ? `(${right.sql})` : right.sql;
  const lateral = right.lateral && /^\(/.test(right.sql) ? 'LATERAL ' : '';
  if (join.kind === 'CROSS' || join.kind === 'COMMA') return { sql: `${left.sql} CROSS JOIN ${lateral}${text}`, scope };
  if (join.using) return usingJoin(join, left, right, lateral + text, scope);
  if (lateral && (join.kind === 'RIGHT' || join.kind === 'FULL')) {
    // DuckDB has no lateral right side here; an array that does not look left needs none.
    return { sql: `${left.sql} ${join.kind} JOIN ${text} ON ${on ?? 'true'}`, scope };
  }
  if (lateral && on && right.name !== undefined && !/\blambda\b/.test(on)) {
    // Beside LATERAL, DuckDB takes comparisons only; within it, all that have no lambda.
    return { sql: `${left.sql} ${join.kind} JOIN LATERAL (SELECT * FROM ${text} WHERE ${on}) AS ${right.name} ON true`, scope };
  }
  return { sql: `${left.sql} ${join.kind} JOIN ${lateral}${text} ON ${on ?? 'true'}`, scope };
}

/**
 * Whether the rows are those of the left with each on the right. Of an array of the left row, DuckDB then makes them on the spot; as a join
 * it keeps all that the rows hold until it has joined them with their own elements, and no filter gets below that.
 */
const multiplies = ({ kind, using }: Join): boolean => (kind === 'CROSS' || kind === 'COMMA' || kind === 'INNER') && !using;

/** Rows that an outer join makes up would keep a recursion going for ever. */
function refuseOuter({ kind, at }: Join, left: boolean, right: boolean): void {
  const operand =
    (left || right) && kind === 'FULL'
      ? 'an operand of a FULL OUTER'
      : left && kind === 'RIGHT'
        ? 'the left operand of a RIGHT'
        : right && kind === 'LEFT'
          ? 'the right operand of a LEFT'
          : undefined;
  if (operand) throw new SyntaxFault(`A query containing a recursive reference may not be used as ${operand} JOIN`, at);
}

function usingJoin(join: Join, left: Source, right: Source, text: string, scope: Scope): Source {
  const conditions: string[] = [];
  const merged: ScopeColumn[] = [];
  const gone = new Set<ScopeColumn>();
  for (const name of join.using!) {
    const find = (s: Source, side: string) => {
      const found = s.scope.columns.filter((c) => c.name.toLowerCase() === name.toLowerCase());
      if (s.scope.ranges.some((r) => r.alias?.toLowerCase() === name.toLowerCase() && !r.value))
        throw new SyntaxFault(`Name ${name} in USING clause is a table alias, not a column name, on ${side} side of join`, join.at);
      if (found.length === 0) throw new SyntaxFault(`Column ${name} in USING clause not found on ${side} side of join`, join.at);
      if (found.length > 1) throw new SyntaxFault(`Column ${name} in USING clause is ambiguous on ${side} side of join`, join.at);
      found[0]!.used?.();
      return found[0]!;
    };
    const l = find(left, 'left');
    const r = find(right, 'right');
    const type: SqlType | undefined = commonType([raw(l.type, l.sql), raw(r.type, r.sql)]);
    if (!type)
      throw new SyntaxFault(
        `Column ${name} in USING has incompatible types on either side of the join: ${formatType(l.type)}, ${formatType(r.type)}`,
        join.at,
      );
    const a = coerce(raw(l.type, l.sql), type).sql;
    const b = coerce(raw(r.type, r.sql), type).sql;
    conditions.push(`${a} = ${b}`);
    gone.add(l).add(r);
    const sql = join.kind === 'FULL' ? `coalesce(${a}, ${b})` : join.kind === 'RIGHT' ? b : a;
    merged.push({ name: l.name, type, sql });
  }
  const columns = [...merged, ...scope.columns.filter((c) => !gone.has(c))];
  const ranges = scope.ranges.filter((range) => !(range.offset && range.columns.some((column) => gone.has(column))));
  return { sql: `${left.sql} ${join.kind} JOIN ${text} ON ${conditions.join(' AND ')}`, scope: { ...scope, ranges, columns } };
}
