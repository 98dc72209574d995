/** Calls: which function is meant, whether it may stand here, and its translation from the tables of ../functions. */
import type { SqlType } from '../contract.ts';
import { type Call, type FunctionSpec, fill, once } from '../functions/call.ts';
import { functions } from '../functions/registry.ts';
import {
  bindPattern,
  chooseSignature,
  commonType,
  costOf,
  describeArguments,
  describeSignatures,
  type Match,
} from '../functions/signature.ts';
import { nearest } from '../nearest.ts';
import type { CallNode, Node, OrderItem, WindowRef, WindowSpec } from '../parse/ast.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { BOOL, formatType, INT64, isGroupable, isOrderable } from '../sql-type.ts';
import { coerce } from './convert.ts';
import { partText } from './interval.ts';
import { callRoutine } from './routine.ts';
import { nullOf, raw, stringLiteral, type Typed } from './typed.ts';
import type { Env } from './unit.ts';

export type Analyze = (node: Node, env: Env) => Typed;

const KNOWN_UNSUPPORTED =
  /^(ST_|HLL_COUNT\.|KEYS\.|AEAD\.|ML\.|DETERMINISTIC_|S2_|KLL_|AI\.|VECTOR_SEARCH|EXTERNAL_|D3A_|BAG_OF_WORDS|TEXT_ANALYZE|TF_IDF|SEARCH$|APPENDS$|CHANGES$)/;

/** Of a window frame, from first to last. */
const BOUNDS = ['UNBOUNDED PRECEDING', 'PRECEDING', 'CURRENT ROW', 'FOLLOWING', 'UNBOUNDED FOLLOWING'];

export function analyzeCall(node: CallNode, env: Env, analyze: Analyze): Typed {
  const name = node.path.join('.');
  const upper = name.toUpperCase();
  const routine = callRoutine(node, env, analyze);
  if (routine) return routine;
  const spec = functions.get(upper);
  if (!spec) {
    if (KNOWN_UNSUPPORTED.test(upper)) throw new SyntaxFault(`Function ${upper} is not supported`, node.at, 'unsupported');
    const hint = nearest(upper, functions.keys());
    throw new SyntaxFault(`Function not found: ${name}${hint ? `; Did you mean ${hint.toLowerCase()}?` : ''}`, node.at);
  }
  if (spec.kind === 'scalar') return analyzeScalar(node, spec, env, analyze);
  if (node.over) return analyzeWindow(node, spec, env, analyze);
  if (spec.kind === 'window') throw new SyntaxFault(`Window function ${upper} cannot be called without an OVER clause`, node.at);
  return analyzeAggregate(node, spec, env, analyze);
}

function refuseModifiers(node: CallNode, name: string): void {
  const which = node.distinct
    ? 'DISTINCT'
    : node.order.length > 0
      ? 'ORDER BY'
      : node.limit
        ? 'LIMIT'
        : node.having
          ? 'HAVING'
          : node.nulls
            ? `${node.nulls} NULLS`
            : undefined;
  if (which) throw new SyntaxFault(`Function ${name} does not support ${which} in arguments`, node.at);
}

/** A date part in a place where the function expects one. */
function partArgument(node: Node): Typed | undefined {
  if (node.k === 'name') return stringLiteral(node.name.toUpperCase());
  if (node.k === 'call' && node.path.length === 1 && node.args.length === 1 && node.args[0]!.k === 'name') {
    return stringLiteral(partText({ name: node.path[0]!.toUpperCase(), weekday: node.args[0]!.name.toUpperCase(), at: node.at }));
  }
  return undefined;
}

function lambdaArgument(node: Node & { k: 'lambda' }, types: readonly SqlType[], env: Env, analyze: Analyze): Typed {
  if (node.params.length > 2)
    throw new SyntaxFault(`A lambda takes an element and its offset, but has ${node.params.length} arguments`, node.at);
  const locals = new Map(env.locals);
  const names = node.params.map((p, i) => {
    const alias = `gs_l${env.unit.alias()}`;
    // GoogleSQL counts positions from 0, DuckDB from 1.
    locals.set(p.toLowerCase(), raw(types[i] ?? INT64, i === 0 ? alias : `(${alias} - 1)`));
    return alias;
  });
  const body = analyze(node.body, { ...env, locals });
  return { type: body.type, sql: `lambda ${names.join(', ')}: ${body.sql}` };
}

function evaluateArguments(node: CallNode, spec: FunctionSpec, env: Env, analyze: Analyze): Typed[] {
  const args: Typed[] = [];
  for (const [i, arg] of node.args.entries()) {
    const part = spec.part === i ? partArgument(arg) : undefined;
    if (part) args.push(part);
    else if (arg.k === 'lambda') {
      const of = args[0]?.type;
      const element = of?.kind === 'ARRAY' ? of.element : INT64;
      args.push(
        lambdaArgument(
          arg,
          arg.params.map((_, p) => (p === 0 ? element : INT64)),
          env,
          analyze,
        ),
      );
    } else if (arg.k === 'star') {
      if (spec.name !== 'COUNT') throw new SyntaxFault(`Argument * can only be used in COUNT(*)`, arg.at);
    } else args.push(analyze(arg, env));
  }
  if (spec.flag && args.length % 2 === 0)
    throw new SyntaxFault(`Function ${spec.name} takes a value for each path; ${spec.flag} is given by name`, node.at);
  for (const { name, value } of node.named) {
    if (name === spec.flag) {
      args.push(coerce(analyze(value, env), BOOL));
      continue;
    }
    const position = spec.signatures.flatMap((s) => s.parameters.map((p, i) => (p.name === name ? i : -1))).find((i) => i >= 0);
    if (position === undefined)
      throw new SyntaxFault(`Named argument ${name} not found in signature for call to function ${spec.name}`, value.at);
    while (args.length < position) args.push(nullOf(INT64));
    args[position] = analyze(value, env);
  }
  return args;
}

interface Applied {
  readonly template: string;
  readonly sql: readonly string[];
  readonly args: readonly Typed[];
  readonly result: SqlType;
  /** A scalar's finished SQL over its arguments. */
  readonly render: (sql: readonly string[]) => string;
}

function apply(node: CallNode, spec: FunctionSpec, args: readonly Typed[], env: Env): Applied {
  const fault = (message: string, argument?: number) =>
    new SyntaxFault(message, argument === undefined ? node.at : (node.args[argument]?.at ?? node.at));
  const match: Match | undefined = chooseSignature(spec.signatures, args);
  if (!match) {
    throw fault(
      `No matching signature for ${spec.kind === 'aggregate' ? 'aggregate function' : 'function'} ${spec.name}${
        args.length > 0 ? ` for argument types: ${describeArguments(args)}` : ' with no arguments'
      }. ${describeSignatures(spec.name, spec.signatures)}`,
    );
  }
  const converted = args.map((a, i) => (match.types[i] ? coerce(a, match.types[i]) : a));
  const keep = converted.map((c, i) =>
    args[i]!.literal !== undefined && c.literal === undefined ? { ...c, literal: args[i]!.literal! } : c,
  );
  const { result: declared } = match.signature;
  const result =
    typeof declared === 'function' ? declared(keep, { fault }) : (match.result ?? bindPattern({ k: 'any' }, new Map()) ?? INT64);
  const call: Call = {
    name: spec.name,
    args: keep,
    result,
    fault,
    ...(node.nulls && { nulls: node.nulls }),
    context: (name) => env.unit.moment(name),
    volatile: () => {
      env.unit.deterministic = false;
    },
  };
  const sql = keep.map((c) => c.sql);
  const { emit } = match.signature;
  // A scalar's emitter returns finished SQL; an aggregate's returns a template, because modifiers are still to be put in.
  const template = typeof emit === 'string' ? emit : spec.kind === 'scalar' ? '' : emit(sql, call);
  return { template, sql, args: keep, result, render: (s) => (typeof emit === 'string' ? fill(emit, s) : emit(s, call)) };
}

function analyzeScalar(node: CallNode, spec: FunctionSpec, env: Env, analyze: Analyze): Typed {
  refuseModifiers(node, spec.name);
  if (node.over) throw new SyntaxFault(`Function ${spec.name} does not support an OVER clause`, node.at);
  if (spec.name === 'GROUPING') return grouping(node, env, analyze);
  const args = evaluateArguments(node, spec, env, analyze);
  const { sql, result, render } = apply(node, spec, args, env);
  const lift = `gs_x${env.unit.alias()}`;
  const out = once(sql, lift, (s) => (node.safe ? `TRY(${render(s)})` : render(s)), spec.catches ? 'all' : 'own');
  const nullResult =
    ['IF', 'IFNULL', 'COALESCE', 'NULLIF', 'GREATEST', 'LEAST'].includes(spec.name) &&
    args.every((a, i) => a.untyped || (spec.name === 'IF' && i === 0));
  return { type: result, sql: out, ...(nullResult && { untyped: true }), ...(spec.name === 'ERROR' && !node.safe && { raises: true }) };
}

function grouping(node: CallNode, env: Env, analyze: Analyze): Typed {
  if (!env.grouping?.groupingOf) throw new SyntaxFault('GROUPING function is not allowed here', node.at);
  const value = analyze(node.args[0]!, env.grouping.source);
  const ref = env.grouping.groupingOf(value.sql);
  if (!ref) throw new SyntaxFault('GROUPING function argument must be a GROUP BY expression', node.at);
  return raw(INT64, ref);
}

export function orderSql(items: readonly OrderItem[], value: (node: Node) => Typed): string[] {
  return items.map((item) => {
    if (item.collate) throw new SyntaxFault('COLLATE is not supported', item.of.at, 'unsupported');
    const v = value(item.of);
    if (!isOrderable(v.type)) throw new SyntaxFault(`ORDER BY does not support expressions of type ${formatType(v.type)}`, item.of.at);
    return orderKey(v.sql, v.type, item);
  });
}
/** One ORDER BY item. NaN comes before every other number, unlike in DuckDB. */
export function orderKey(sql: string, type: SqlType, item: { readonly desc: boolean; readonly nulls?: 'FIRST' | 'LAST' }): string {
  const way = direction(item);
  return type.kind === 'FLOAT64' ? `(NOT isnan(${sql}))${way}, ${sql}${way}` : `${sql}${way}`;
}
/** NULLs come first ascending and last descending unless said otherwise. */
export function direction(item: { readonly desc: boolean; readonly nulls?: 'FIRST' | 'LAST' }): string {
  return `${item.desc ? ' DESC' : ''} NULLS ${item.nulls ?? (item.desc ? 'LAST' : 'FIRST')}`;
}

/**
 * Templates of aggregates mark each DuckDB aggregate call by braces, `CAST({sum($1)} AS BIGINT)`: inside go DISTINCT and ORDER BY, after it FILTER and OVER.
 */
function expand(template: string, sql: readonly string[], inside: { distinct: boolean; order: string }, after: string): string {
  // In one pass: an argument's SQL may hold `$1` itself, which is a statement's parameter there.
  return template.replace(/\{(\w+)\(([^{}]*)\)([^{}]*)\}|\$(\*|\d+)/g, (whole, name?: string, args = '', tail = '', key = '') => {
    if (name === undefined) return key === '*' ? sql.join(', ') : (sql[Number(key) - 1] ?? whole);
    return `${name}(${inside.distinct ? 'DISTINCT ' : ''}${fill(args, sql)}${inside.order})${fill(tail, sql)}${after}`;
  });
}

function checkModifiers(node: CallNode, spec: FunctionSpec): void {
  const allows = spec.allows ?? {};
  const refuse = (what: string) => {
    throw new SyntaxFault(`${spec.kind === 'window' ? 'Window' : 'Aggregate'} function ${spec.name} does not support ${what}`, node.at);
  };
  if (node.distinct && !allows.distinct) refuse('DISTINCT in arguments');
  if (node.order.length > 0 && !allows.order) refuse('ORDER BY in arguments');
  if (node.limit && !allows.limit) refuse('LIMIT in arguments');
  if (node.nulls && !allows.nulls) refuse(`${node.nulls} NULLS in arguments`);
  if (node.having && !allows.having) refuse('HAVING in arguments');
}

function build(node: CallNode, spec: FunctionSpec, env: Env, analyze: Analyze, over: string): { sql: string; type: SqlType } {
  checkModifiers(node, spec);
  const args = evaluateArguments(node, spec, env, analyze);
  const applied = apply(node, spec, args, env);
  const first = applied.args[0];
  if (node.distinct && first && !isGroupable(first.type)) {
    throw new SyntaxFault(`Aggregate functions with DISTINCT cannot be used with arguments of type ${formatType(first.type)}`, node.at);
  }
  let template = applied.template;
  const sql = [...applied.sql];
  if (node.having) {
    const by = analyze(node.having.of, env);
    sql.push(by.sql);
    const least = node.having.which === 'MAX' ? 'max' : 'min';
    template =
      spec.name === 'ANY_VALUE'
        ? `{arg_${least}_null($1, $${sql.length})}`
        : template.replace(
            /\{(\w+)\((\*|\$1)\)\}/g,
            (_, name: string, of: string) =>
              `list_aggregate(gs_having_${least}({list(struct_pack(v := ${of === '*' ? '1' : of}, k := $${sql.length}))}), '${name}')`,
          );
    if (!template.includes('gs_having_') && spec.name !== 'ANY_VALUE')
      throw new SyntaxFault(`HAVING ${node.having.which} in ${spec.name} is not supported`, node.at, 'unsupported');
    if (node.distinct) throw new SyntaxFault(`DISTINCT with HAVING ${node.having.which} is not supported`, node.at, 'unsupported');
  }
  if (node.distinct) {
    const other = node.order.find(({ of }) => !applied.args.some((arg) => arg.sql === analyze(of, env).sql));
    if (other)
      throw new SyntaxFault(
        'An aggregate function that has both DISTINCT and ORDER BY arguments can only ORDER BY expressions that are arguments to the function',
        other.of.at,
      );
  }
  const order = node.order.length > 0 ? ` ORDER BY ${orderSql(node.order, (n) => analyze(n, env)).join(', ')}` : '';
  const skipsNulls = spec.name === 'STRING_AGG' || (spec.name === 'ARRAY_AGG' && node.nulls === 'IGNORE');
  const filter = skipsNulls ? ` FILTER (WHERE ${sql[0]} IS NOT NULL)` : '';
  if (node.limit) {
    const limit = analyze(node.limit, env);
    sql.push(coerce(limit, INT64).sql);
    template = template.replace(/\{(list\([^{}]*\))\}/g, `({$1})[1:$${sql.length}]`);
  }
  if (node.nulls === 'IGNORE' && spec.kind === 'window') template = template.replace(/\{(\w+)\(([^{}]*)\)\}/g, '{$1($2 IGNORE NULLS)}');
  return { sql: expand(template, sql, { distinct: node.distinct, order }, filter + over), type: applied.result };
}

function analyzeAggregate(node: CallNode, spec: FunctionSpec, env: Env, analyze: Analyze): Typed {
  if (node.safe) throw new SyntaxFault('SAFE prefix is not supported for aggregate functions', node.at, 'unsupported');
  if (!env.grouping) {
    throw new SyntaxFault(`Aggregate function ${spec.name} not allowed in ${env.noAggregates ?? 'this place'}`, node.at);
  }
  const source: Env = { ...env.grouping.source, noAggregates: 'an argument of another aggregate function' };
  const { sql, type } = build(node, spec, source, analyze, '');
  return env.grouping.aggregate(sql, type);
}

function analyzeWindow(node: CallNode, spec: FunctionSpec, env: Env, analyze: Analyze): Typed {
  if (env.noWindows) throw new SyntaxFault(`Window function is not allowed in ${env.noWindows}`, node.at);
  if (spec.allows?.over === false) throw new SyntaxFault(`Aggregate function ${spec.name} does not support an OVER clause`, node.at);
  if (node.order.length > 0) throw new SyntaxFault('ORDER BY in arguments is not supported on analytic functions', node.at);
  const inner: Env = { ...env, noWindows: 'another window function' };
  const window = windowSql(resolveWindow(node.over!, env), spec, inner, analyze, node);
  const { sql, type } = build({ ...node, order: node.order }, spec, inner, analyze, ` OVER (${window})`);
  return raw(type, sql);
}

function resolveWindow(ref: WindowRef, env: Env, depth = 0): WindowSpec {
  const base = 'name' in ref ? ref.name : ref.base;
  if (base === undefined) return ref as WindowSpec;
  const found = env.windows?.get(base.toLowerCase());
  if (!found || depth > 20) throw new SyntaxFault(`Unrecognized window alias ${base}`, ref.at);
  const parent = resolveWindow(found, env, depth + 1);
  if ('name' in ref) return parent;
  return {
    partition: ref.partition.length > 0 ? ref.partition : parent.partition,
    order: ref.order.length > 0 ? ref.order : parent.order,
    ...((ref.frame ?? parent.frame) && { frame: (ref.frame ?? parent.frame)! }),
    at: ref.at,
  };
}

function windowSql(window: WindowSpec, spec: FunctionSpec, env: Env, analyze: Analyze, node: CallNode): string {
  const parts: string[] = [];
  if (window.partition.length > 0) {
    const by = window.partition.map((n) => {
      const v = analyze(n, env);
      if (!isGroupable(v.type)) throw new SyntaxFault(`Partitioning by expressions of type ${formatType(v.type)} is not allowed`, n.at);
      return v.sql;
    });
    parts.push(`PARTITION BY ${by.join(', ')}`);
  }
  if (spec.needsOrder && window.order.length === 0)
    throw new SyntaxFault(`Window ORDER BY is required for analytic function ${spec.name}`, node.at);
  if (window.order.length > 0 && (spec.noOrder || node.distinct)) {
    throw new SyntaxFault(
      spec.noOrder
        ? `Window ORDER BY is not allowed for analytic function ${spec.name}`
        : 'Window ORDER BY is not allowed if DISTINCT is specified',
      window.at,
    );
  }
  const { frame } = window;
  if (frame?.unit === 'RANGE' && (frame.from.offset || frame.to?.offset)) {
    // DuckDB wants the one key as it is.
    parts.push(`ORDER BY ${window.order.map((item) => `${analyze(item.of, env).sql}${direction(item)}`).join(', ')}`);
  } else if (window.order.length > 0) parts.push(`ORDER BY ${orderSql(window.order, (n) => analyze(n, env)).join(', ')}`);
  if (window.frame) {
    if (spec.kind === 'window' && !spec.allows?.frame)
      throw new SyntaxFault(`Window framing clause is not allowed for analytic function ${spec.name}`, node.at);
    const { unit, from, to } = window.frame;
    const numericKey = unit === 'RANGE' && window.order.length === 1 ? analyze(window.order[0]!.of, env).type : INT64;
    const bound = (b: typeof from) => {
      if (!b.offset) return b.kind;
      const offset = analyze(b.offset, env);
      if ((typeof offset.literal === 'bigint' || typeof offset.literal === 'number') && offset.literal < 0)
        throw new SyntaxFault('Window framing expression cannot evaluate to a negative value', b.offset.at);
      const type = unit === 'ROWS' ? INT64 : commonType([offset, raw(numericKey, '')]);
      if (!type || costOf(offset, type) === undefined)
        throw new SyntaxFault(`Window framing expression has type ${formatType(offset.type)}`, b.offset.at);
      return `${coerce(offset, type).sql} ${b.kind}`;
    };
    if (unit === 'RANGE' && (from.offset || to?.offset) && window.order.length !== 1) {
      throw new SyntaxFault(
        'RANGE-based window with OFFSET PRECEDING or OFFSET FOLLOWING boundaries must have exactly one ORDER BY key',
        window.at,
      );
    }
    const last = to?.kind ?? 'CURRENT ROW';
    if (from.kind === 'UNBOUNDED FOLLOWING' || last === 'UNBOUNDED PRECEDING' || BOUNDS.indexOf(from.kind) > BOUNDS.indexOf(last))
      throw new SyntaxFault(`A window frame can not go from ${from.kind} to ${last}`, window.at);
    parts.push(`${unit} BETWEEN ${bound(from)} AND ${to ? bound(to) : 'CURRENT ROW'}`);
  }
  return parts.join(' ');
}
