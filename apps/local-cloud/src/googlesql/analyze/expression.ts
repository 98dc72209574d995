/**
 * Expressions: names, literals, operators and constructors become typed DuckDB SQL. Calls are in ./call.ts.
 *
 * 1. The SQL of equal expressions is equal text: GROUP BY and DISTINCT rely on it.
 * 2. Above a GROUP BY only grouping keys and aggregates are visible.
 */
import type { SqlType } from '../contract.ts';
import { fill, once } from '../functions/call.ts';
import { operatorSignatures } from '../functions/operators.ts';
import { chooseSignature, commonType, costOf, describeArguments } from '../functions/signature.ts';
import { nearest } from '../nearest.ts';
import type { Node } from '../parse/ast.ts';
import { pathOf } from '../parse/expression.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { sameNode } from '../parse/walk.ts';
import { DecimalFault } from '../runtime/decimal.ts';
import {
  arrayOf,
  BIGNUMERIC,
  BOOL,
  DATE,
  DATETIME,
  fieldName,
  formatType,
  INT64,
  JSON_TYPE,
  NUMERIC,
  physicalType,
  STRING,
  structOf,
  TIME,
  TIMESTAMP,
  typeFromNode,
} from '../sql-type.ts';
import { analyzeCall } from './call.ts';
import { asTexts, bigNumericLiteral, CastRefused, cast, coerce, numericLiteral, packStruct } from './convert.ts';
import { intervalLiteral, partText } from './interval.ts';
import { fieldOf, resolve, visibleNames } from './scope.ts';
import {
  boolLiteral,
  bytesLiteral,
  emptyArray,
  floatLiteral,
  intLiteral,
  nullOf,
  raw,
  stringLiteral,
  type Typed,
  textLiteral,
} from './typed.ts';
import type { Env, Relation } from './unit.ts';

export function analyze(node: Node, env: Env): Typed {
  const { grouping } = env;
  if (grouping) {
    for (const key of grouping.keys) {
      if (key.node?.k !== node.k || node.k === 'name' || node.k === 'dot') continue;
      // Subqueries get fresh aliases each time, so for them the text decides.
      if (sameNode(key.node, node)) return key.value;
      const plain = attempt(node, grouping.source);
      if (plain && plain.sql === key.sql) return key.value;
      if (plain === undefined) break;
    }
  }
  switch (node.k) {
    case 'null':
      return nullOf(INT64);
    case 'bool':
      return boolLiteral(node.value);
    case 'int':
      return integer(node.text, node.at);
    case 'float':
      if (!Number.isFinite(Number(node.text))) throw new SyntaxFault(`Invalid floating point literal: ${node.text}`, node.at);
      return floatLiteral(node.text);
    case 'string':
      return stringLiteral(node.value);
    case 'bytes':
      return bytesLiteral(node.value);
    case 'typed':
      return typedLiteral(node.type, node.value, node.at);
    case 'name':
    case 'dot':
      return analyzePath(node, env);
    case 'index':
      return analyzeIndex(node, env);
    case 'param':
      return env.unit.parameter(node);
    case 'sysvar': {
      const name = `@@${node.name.toLowerCase()}`;
      const type = env.unit.context.variables.get(name) ?? env.unit.context.variables.get(node.name.toLowerCase());
      if (!type) return systemVariable(node.name, node.at, env);
      env.unit.deterministic = false;
      return env.unit.variable(name, type);
    }
    case 'call':
      return analyzeCall(node, env, analyze);
    case 'cast':
      return analyzeCast(node, env);
    case 'extract':
      return analyzeCall(
        {
          k: 'call',
          path: ['EXTRACT'],
          safe: false,
          args: [{ k: 'string', value: partText(node.part), at: node.part.at }, node.of, ...(node.zone ? [node.zone] : [])],
          named: [],
          distinct: false,
          order: [],
          at: node.at,
        },
        env,
        analyze,
      );
    case 'case':
      return analyzeCase(node, env);
    case 'between': {
      const [of, low, high] = unify([analyze(node.of, env), analyze(node.low, env), analyze(node.high, env)], 'BETWEEN', node.at);
      return negate(raw(BOOL, `(${of!.sql} BETWEEN ${low!.sql} AND ${high!.sql})`), node.not);
    }
    case 'in':
      return analyzeIn(node, env);
    case 'like':
      return analyzeLike(node, env);
    case 'is': {
      const of = analyze(node.of, env);
      if (node.what === 'NULL') return raw(BOOL, `(${of.sql} IS ${node.not ? 'NOT ' : ''}NULL)`);
      const bool = want(of, BOOL, node.at, `IS ${node.what}`);
      return raw(BOOL, `(${bool.sql} IS ${node.not ? 'NOT ' : ''}${node.what === 'UNKNOWN' ? 'NULL' : node.what})`);
    }
    case 'distinct': {
      const [left, right] = unify([analyze(node.left, env), analyze(node.right, env)], 'IS DISTINCT FROM', node.at);
      return raw(BOOL, `(${left!.sql} IS ${node.not ? 'NOT ' : ''}DISTINCT FROM ${right!.sql})`);
    }
    case 'unary': {
      notNull(node.op, node.of);
      if (node.op === '+') return analyze(node.of, env);
      return operator(node.op === '-' ? '-x' : '~', [analyze(node.of, env)], node.at, `gs_x${env.unit.alias()}`);
    }
    case 'binary':
      if (node.op !== '<<' && node.op !== '>>') notNull(node.op, node.left, node.right);
      return operator(node.op, [analyze(node.left, env), analyze(node.right, env)], node.at, `gs_x${env.unit.alias()}`);
    case 'and':
    case 'or': {
      const parts = node.operands.map((o) => want(analyze(o, env), BOOL, o.at, `operator ${node.k.toUpperCase()}`).sql);
      return raw(BOOL, `(${parts.join(node.k === 'and' ? ' AND ' : ' OR ')})`);
    }
    case 'not':
      notNull('NOT', node.of);
      return raw(BOOL, `(NOT ${want(analyze(node.of, env), BOOL, node.at, 'operator NOT').sql})`);
    case 'arrayCtor':
      return analyzeArray(node, env);
    case 'structCtor':
      return analyzeStruct(node, env);
    case 'scalarQuery':
      return scalarQuery(env.unit.compileQuery(node.query, subquery(env)), node.at);
    case 'arrayQuery':
      return arrayQuery(env.unit.compileQuery(node.query, subquery(env)), node.at);
    case 'exists':
      return raw(BOOL, `EXISTS (${render(env.unit.compileQuery(node.query, subquery(env)))})`);
    case 'interval':
      return intervalLiteral(node, (n) => analyze(n, env));
    case 'rangeLiteral':
      return rangeLiteral(node, env);
    case 'lambda':
      throw new SyntaxFault('Lambda expression is not expected here', node.at);
    case 'default':
      throw new SyntaxFault('Unexpected keyword DEFAULT', node.at);
    case 'star':
      throw new SyntaxFault('Syntax error: Unexpected "*"', node.at);
    case 'table':
      throw new SyntaxFault('Table argument is not expected here', node.at);
    default:
      throw node satisfies never;
  }
}

/** Those that have a value outside of scripts too. */
function systemVariable(name: string, at: number, env: Env): Typed {
  const { catalog } = env.unit.context;
  switch (name.toLowerCase()) {
    case 'time_zone':
      return raw(STRING, "'UTC'");
    case 'project_id':
    case 'dataset_project_id':
      return raw(STRING, textLiteral(catalog.defaultProject));
    case 'dataset_id':
      return catalog.defaultDataset === undefined ? raw(STRING, 'CAST(NULL AS VARCHAR)') : raw(STRING, textLiteral(catalog.defaultDataset));
    default:
      throw new SyntaxFault(`Unrecognized system variable: @@${name}`, at);
  }
}

/** What a NULL without a type would be compared or reckoned with is not known. */
function notNull(op: string, ...operands: readonly Node[]): void {
  const literal = operands.find((o) => o.k === 'null');
  if (literal) throw new SyntaxFault(`Operands of ${op} cannot be literal NULL`, literal.at);
}

function attempt(node: Node, env: Env): Typed | undefined {
  const binds = env.unit.binds.length;
  try {
    return analyze(node, env);
  } catch {
    env.unit.binds.length = binds;
    return undefined;
  }
}

export function subquery(env: Env): Env {
  const { unit, scope, ctes, locals } = env;
  return { unit, scope, ctes, ...(locals && { locals }) };
}

function integer(text: string, at: number): Typed {
  const negative = text.startsWith('-');
  const magnitude = BigInt(negative ? text.slice(1) : text);
  const value = negative ? -magnitude : magnitude;
  if (value > 9223372036854775807n || value < -9223372036854775808n) throw new SyntaxFault(`Invalid integer literal: ${text}`, at);
  return intLiteral(value);
}

const TYPED_LITERALS: Readonly<Record<string, SqlType>> = { DATE, TIME, DATETIME, TIMESTAMP };
function typedLiteral(kind: string, value: string, at: number): Typed {
  if (kind === 'JSON') {
    try {
      JSON.parse(value);
    } catch {
      throw new SyntaxFault(`Invalid JSON literal: ${JSON.stringify(value)}`, at);
    }
    return raw(JSON_TYPE, `gs_parse_json(${textLiteral(value)}, 'exact')`);
  }
  try {
    const places = kind.startsWith('BIG') ? 38 : 9;
    if (
      /NUMERIC|DECIMAL/.test(kind) &&
      Number(/\.(\d*?)0*(?:e|$)/i.exec(value)?.[1]?.length ?? 0) - Number(/e([+-]?\d+)/i.exec(value)?.[1] ?? 0) > places
    )
      throw new DecimalFault();
    if (kind === 'NUMERIC' || kind === 'DECIMAL') return raw(NUMERIC, numericLiteral(value));
    if (kind === 'BIGNUMERIC' || kind === 'BIGDECIMAL') return raw(BIGNUMERIC, bigNumericLiteral(value));
  } catch (error) {
    if (error instanceof DecimalFault) throw new SyntaxFault(`Invalid ${kind} literal: ${JSON.stringify(value)}`, at);
    throw error;
  }
  const type = TYPED_LITERALS[kind]!;
  return raw(type, cast(stringLiteral(value), type, false).sql);
}

export function want(value: Typed, type: SqlType, at: number, where: string): Typed {
  if (costOf(value, type) === undefined) {
    throw new SyntaxFault(`No matching signature for ${where} for argument types: ${describeArguments([value])}`, at);
  }
  return coerce(value, type);
}

function unify(values: readonly Typed[], where: string, at: number): Typed[] {
  const type = commonType(values);
  if (!type || values.some((v) => costOf(v, type) === undefined)) {
    throw new SyntaxFault(`No matching signature for operator ${where} for argument types: ${describeArguments(values)}`, at);
  }
  return values.map((v) => coerce(v, type));
}

function negate(value: Typed, not: boolean): Typed {
  return not ? raw(BOOL, `(NOT ${value.sql})`) : value;
}

export function operator(op: string, args: readonly Typed[], at: number, lift: string): Typed {
  const signatures = operatorSignatures.get(op)!;
  const match = chooseSignature(signatures, args);
  const shown = op === '-x' ? '-' : op;
  const texts = !match && op === '||' ? asTexts(args) : undefined;
  if (texts) return raw(STRING, `(${texts.join(' || ')})`);
  if (!match) {
    throw new SyntaxFault(
      `No matching signature for operator ${shown} for argument types: ${describeArguments(args)}. Supported signature${signatures.length > 1 ? 's' : ''}: ${signatures
        .map((s) =>
          s.text
            .split('->')[0]!
            .trim()
            .replaceAll(/\bT\d?\b/g, 'ANY')
            .split(', ')
            .join(` ${shown} `),
        )
        .join('; ')}`,
      at,
    );
  }
  if (args.length === 1 && op === '-x' && args[0]!.digits !== undefined) return floatLiteral(`-${args[0]!.digits}`);
  const sql = args.map((a, i) => (match.types[i] ? coerce(a, match.types[i]) : a).sql);
  const { emit } = match.signature;
  if (typeof emit !== 'string')
    return raw(match.result!, emit(sql, { args, fault: (message: string) => new SyntaxFault(message, at) } as never));
  return raw(match.result!, /gs_|CASE/.test(emit) ? once(sql, lift, (s) => fill(emit, s)) : fill(emit, sql));
}

function analyzePath(node: Node & { k: 'name' | 'dot' }, env: Env): Typed {
  const path = pathOf(node);
  if (path) {
    const found = lookup(path, env, node.at);
    if (found) return takeFields(found.value, found.rest, node.at);
    const all = [...visibleNames(env.scope), ...(env.aliases?.map.keys() ?? []), ...env.unit.context.variables.keys()];
    if (path.length === 1 && /^CURRENT_(DATE|TIME|DATETIME|TIMESTAMP)$/i.test(path[0]!)) {
      return analyzeCall({ k: 'call', path, safe: false, args: [], named: [], distinct: false, order: [], at: node.at }, env, analyze);
    }
    const hint = nearest(path[0]!, all);
    throw new SyntaxFault(
      `Unrecognized name: ${path.join('.')}${hint && path.length === 1 ? `; Did you mean ${hint}?` : hint ? `; Did you mean ${hint}?` : ''}`,
      node.at,
    );
  }
  if (node.k === 'name') throw new SyntaxFault(`Unrecognized name: ${node.name}`, node.at);
  return takeFields(analyze(node.of, env), [node.name], node.at);
}

function lookup(path: readonly string[], env: Env, at: number): { value: Typed; rest: readonly string[] } | undefined {
  const key = path[0]!.toLowerCase();
  const local = env.locals?.get(key);
  if (local) return { value: { ...local, name: path[0]! }, rest: path.slice(1) };
  const alias = env.aliases?.map.get(key);
  if (alias && env.aliases!.first) {
    if (alias === 'ambiguous') throw new SyntaxFault(`Column name ${path[0]} is ambiguous`, at);
    return { value: alias, rest: path.slice(1) };
  }
  let missing: unknown;
  try {
    const found = resolve(env.scope, path, at);
    if (found) return found;
  } catch (error) {
    if (!alias) throw error;
    missing = error;
  }
  if (alias === 'ambiguous') throw missing ?? new SyntaxFault(`Column name ${path[0]} is ambiguous`, at);
  if (alias) return { value: alias, rest: path.slice(1) };
  const type = env.unit.context.variables.get(key);
  if (type) return { value: { ...env.unit.variable(key, type), name: path[0]! }, rest: path.slice(1) };
  return undefined;
}

function takeFields(start: Typed, rest: readonly string[], at: number): Typed {
  let value = start;
  for (const name of rest) {
    if (value.type.kind === 'JSON') {
      value = { ...raw(JSON_TYPE, `gs_json_member(${value.sql}, ${textLiteral(name)})`), name };
      continue;
    }
    if (value.type.kind !== 'STRUCT')
      throw new SyntaxFault(`Cannot access field ${name} on a value with type ${formatType(value.type)}`, at);
    const field = fieldOf(value, name);
    if (!field) throw new SyntaxFault(`Field name ${name} does not exist in ${formatType(value.type)}`, at);
    value = field;
  }
  return value;
}

function analyzeIndex(node: Node & { k: 'index' }, env: Env): Typed {
  const of = analyze(node.of, env);
  const accessor = node.index.k === 'call' && node.index.path.length === 1 ? node.index.path[0]!.toUpperCase() : '';
  const wrapped = ['OFFSET', 'ORDINAL', 'SAFE_OFFSET', 'SAFE_ORDINAL', 'KEY', 'SAFE_KEY'].includes(accessor);
  if (node.index.k === 'call' && wrapped && node.index.args.length !== 1)
    throw new SyntaxFault(`${accessor} takes exactly one argument`, node.index.at);
  const inner = node.index.k === 'call' && wrapped ? node.index.args[0]! : node.index;
  const index = analyze(inner, env);
  if (of.type.kind === 'JSON') {
    if (index.type.kind === 'STRING') return raw(JSON_TYPE, `gs_json_member(${of.sql}, ${index.sql})`);
    return raw(JSON_TYPE, `gs_json_element(${of.sql}, ${want(index, INT64, inner.at, 'subscript operator').sql})`);
  }
  if (of.type.kind === 'STRUCT' && typeof index.literal === 'bigint') {
    const { fields } = of.type;
    const i = Number(index.literal) - (accessor.endsWith('ORDINAL') ? 1 : 0);
    const field = fields[i];
    if (!field) throw new SyntaxFault(`Field ordinal out of bounds in ${formatType(of.type)}`, node.at);
    return raw(field.type, `struct_extract(${of.sql}, ${textLiteral(fieldName(fields, i))})`);
  }
  if (of.type.kind !== 'ARRAY' || accessor.endsWith('KEY')) {
    throw new SyntaxFault(`Element access using [] is not supported on values of type ${formatType(of.type)}`, node.at);
  }
  const position = want(index, INT64, inner.at, 'array position');
  const base = accessor.endsWith('ORDINAL') ? position.sql : `(${position.sql} + 1)`;
  if (accessor.startsWith('SAFE')) return raw(of.type.element, `(${of.sql})[CASE WHEN ${base} < 1 THEN NULL ELSE ${base} END]`);
  return raw(of.type.element, `(${of.sql})[gs_position(${base}, len(${of.sql}), ${position.sql})]`);
}

function analyzeCast(node: Node & { k: 'cast' }, env: Env): Typed {
  const of = analyze(node.of, env);
  const type = typeFromNode(node.type);
  if (node.format) {
    const args: Node[] = [node.of, { k: 'string', value: formatType(type), at: node.at }, node.format, ...(node.zone ? [node.zone] : [])];
    return analyzeCall(
      { k: 'call', path: [`CAST FORMAT`], safe: node.safe, args, named: [], distinct: false, order: [], at: node.at },
      env,
      analyze,
    );
  }
  try {
    const out = cast(of, type, node.safe);
    const limits = node.type.k === 'simple' && node.type.parameters.length > 0 ? constrain(out, node.type.parameters, node.safe) : out;
    const literal = typeof of.literal === 'string' && node.of.k === 'string' && type.kind === 'STRING' ? {} : {};
    return { ...limits, ...literal };
  } catch (error) {
    if (error instanceof CastRefused) throw new SyntaxFault(error.message, node.at);
    throw error;
  }
}

/** STRING(10), NUMERIC(10, 2): numbers are rounded to the scale, longer values are refused. */
export function constrain(value: Typed, [length, scale]: readonly number[], safe: boolean): Typed {
  const wrap = (sql: string) => raw(value.type, safe ? `TRY(${sql})` : sql);
  if (value.type.kind === 'STRING' || value.type.kind === 'BYTES')
    return wrap(
      `gs_limit_length(${value.sql}, ${length})`.replace(
        'gs_limit_length',
        value.type.kind === 'STRING' ? 'gs_limit_text' : 'gs_limit_bytes',
      ),
    );
  if (value.type.kind === 'NUMERIC')
    return wrap(`CAST(CAST(${value.sql} AS DECIMAL(${Math.min(38, length!)}, ${scale ?? 0})) AS DECIMAL(38,9))`);
  return value;
}

function analyzeCase(node: Node & { k: 'case' }, env: Env): Typed {
  const thens = node.whens.map((w) => analyze(w.value, env));
  const otherwise = node.otherwise ? analyze(node.otherwise, env) : nullOf(INT64);
  const all = [...thens, otherwise];
  const type = commonType(all);
  if (!type || all.some((a) => costOf(a, type) === undefined)) {
    throw new SyntaxFault(`No matching signature for operator CASE for argument types: ${describeArguments(all)}`, node.at);
  }
  let whens: string[];
  if (node.of) {
    const values = unify([analyze(node.of, env), ...node.whens.map((w) => analyze(w.when, env))], 'CASE', node.at);
    whens = values.slice(1).map((v) => `${values[0]!.sql} = ${v.sql}`);
  } else whens = node.whens.map((w) => want(analyze(w.when, env), BOOL, w.when.at, 'operator CASE').sql);
  const branches = thens.map((t, i) => `WHEN ${whens[i]} THEN ${coerce(t, type).sql}`);
  return {
    type,
    sql: `CASE ${branches.join(' ')} ELSE ${coerce(otherwise, type).sql} END`,
    ...(all.every((a) => a.untyped) && { untyped: true }),
  };
}

function analyzeIn(node: Node & { k: 'in' }, env: Env): Typed {
  const of = analyze(node.of, env);
  if (node.list) {
    const values = unify([of, ...node.list.map((n) => analyze(n, env))], 'IN', node.at);
    return negate(
      raw(
        BOOL,
        `(${values[0]!.sql} IN (${values
          .slice(1)
          .map((v) => v.sql)
          .join(', ')}))`,
      ),
      node.not,
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
  const array = analyze(node.unnest!, env);
  if (array.type.kind !== 'ARRAY' && !array.untyped)
    throw new SyntaxFault(`Second argument of IN UNNEST must be an array but was ${formatType(array.type)}`, node.at);
  if (array.items && !array.parameter) {
    if (array.items.length === 0) return raw(BOOL, node.not ? 'true' : 'false');
    const values = unify([of, ...array.items], 'IN', node.at);
    return negate(
      raw(
        BOOL,
        `(${values[0]!.sql} IN (${values
          .slice(1)
          .map((v) => v.sql)
          .join(', ')}))`,
      ),
      node.not,
    );
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

function analyzeLike(node: Node & { k: 'like' }, env: Env): Typed {
  const of = analyze(node.of, env);
  const one = (pattern: Typed): string => operator('LIKE', [of, pattern], node.at, `gs_x${env.unit.alias()}`).sql;
  notNull('LIKE', node.of, ...(node.pattern ? [node.pattern] : []));
  if (node.pattern) return negate(raw(BOOL, one(analyze(node.pattern, env))), node.not);
  if (node.unnest) {
    const array = analyze(node.unnest, env);
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
  const parts = node.patterns!.map((p) => one(analyze(p, env)));
  const joined = (node.quantifier === 'ANY') !== node.not ? ' OR ' : ' AND ';
  return raw(BOOL, `(${parts.map((p) => (node.not ? `(NOT ${p})` : p)).join(joined)})`);
}

function analyzeArray(node: Node & { k: 'arrayCtor' }, env: Env): Typed {
  const items = node.items.map((n) => analyze(n, env));
  let element: SqlType | undefined;
  if (node.type) {
    const type = typeFromNode(node.type);
    element = type.kind === 'ARRAY' ? type.element : undefined;
  } else {
    if (items.length === 0) return emptyArray();
    element = commonType(items);
  }
  if (element?.kind === 'ARRAY') {
    throw new SyntaxFault(
      `Cannot construct array with element type ${formatType(element)} because nested arrays are not supported`,
      node.at,
    );
  }
  if (!element || items.some((i) => costOf(i, element) === undefined)) {
    throw new SyntaxFault(
      `Array elements of types {${[...new Set(items.map((i) => formatType(i.type)))].join(', ')}} do not have a common supertype`,
      node.at,
    );
  }
  const type = arrayOf(element);
  const converted = items.map((i) => coerce(i, element));
  return { type, sql: `CAST([${converted.map((i) => i.sql).join(', ')}] AS ${physicalType(type)})`, ...(!node.type && { items }) };
}

function analyzeStruct(node: Node & { k: 'structCtor' }, env: Env): Typed {
  const items = node.items.map((i) => analyze(i.value, env));
  if (node.type) {
    const type = typeFromNode(node.type);
    if (type.kind !== 'STRUCT') throw new SyntaxFault('Struct type expected', node.at);
    if (type.fields.length !== items.length) {
      throw new SyntaxFault(`STRUCT type has ${type.fields.length} fields but constructor call has ${items.length} fields`, node.at);
    }
    const converted = items.map((item, i) => {
      const field = type.fields[i]!;
      if (costOf(item, field.type) === undefined) {
        throw new SyntaxFault(
          `Struct constructor argument type ${formatType(item.type)} cannot be coerced to field type ${formatType(field.type)}`,
          node.items[i]!.value.at,
        );
      }
      return coerce(item, field.type);
    });
    return raw(type, packStruct(type, converted));
  }
  const type = structOf(
    items.map((item, i) => ({ name: node.items[i]!.name ?? (node.tuple ? '' : (inferName(node.items[i]!.value) ?? '')), type: item.type })),
  ) as SqlType & { kind: 'STRUCT' };
  return { type, sql: packStruct(type, items), items };
}

/** The name that an expression has without an alias. */
export function inferName(node: Node): string | undefined {
  if (node.k === 'name' || node.k === 'dot') return node.name;
  return undefined;
}

export function render(relation: Relation): string {
  if (relation.order.length === 0 && relation.limit === '' && !relation.hidden) return relation.core;
  const order = relation.order.length > 0 ? ` ORDER BY ${relation.order.join(', ')}` : '';
  return `SELECT ${relation.columns.map((c) => `gs_q.${c.sql}`).join(', ')} FROM (${relation.core}) AS gs_q${order}${relation.limit}`;
}

function scalarQuery(relation: Relation, at: number): Typed {
  if (relation.columns.length !== 1)
    throw new SyntaxFault(`Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values`, at);
  const column = relation.columns[0]!;
  return { type: column.type, sql: `(${render(relation)})`, ...(column.untyped && { untyped: true }) };
}

function arrayQuery(relation: Relation, at: number): Typed {
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

function rangeLiteral(node: Node & { k: 'rangeLiteral' }, _env: Env): Typed {
  const type = typeFromNode(node.type);
  const found = /^\[\s*([^,]+?)\s*,\s*([^)]+?)\s*\)$/.exec(node.value);
  if (type.kind !== 'RANGE' || !found) throw new SyntaxFault(`Invalid RANGE literal: ${JSON.stringify(node.value)}`, node.at);
  const bound = (text: string) =>
    /^(UNBOUNDED|NULL)$/i.test(text) ? coerce(nullOf(type.element), type.element).sql : cast(stringLiteral(text), type.element, false).sql;
  return raw(type, `struct_pack("start" := ${bound(found[1]!)}, "end" := ${bound(found[2]!)})`);
}
