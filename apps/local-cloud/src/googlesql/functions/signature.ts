/**
 * The language in which functions are declared (see ./README.md) and the choice of the signature that fits a call.
 *
 * 1. A call fits a signature when every argument has the type, widens to it, or is a literal or parameter that coerces to it.
 * 2. Of several fitting signatures the one with the least conversion wins; of equals the first declared.
 */
import type { Typed } from '../analyze/typed.ts';
import type { Bind, SqlType } from '../contract.ts';
import { arrayOf, formatType, literalCoerces, parseType, sameType, superType, widens } from '../sql-type.ts';

/** What an emitter may ask about the call that it translates. */
export interface Call {
  readonly name: string;
  readonly args: readonly Typed[];
  readonly result: SqlType;
  /** The placeholder of a value that is fixed for the statement. */
  readonly context: (name: Extract<Bind, { from: 'context' }>['name']) => string;
  /** IGNORE NULLS or RESPECT NULLS. */
  readonly nulls?: 'IGNORE' | 'RESPECT';
  /** The call's value depends on chance: its result must not be cached. */
  readonly volatile: () => void;
  readonly fault: (message: string, argument?: number) => Error;
}

type Pattern =
  | { readonly k: 'type'; readonly type: SqlType }
  | { readonly k: 'var'; readonly name: string }
  | { readonly k: 'array'; readonly of: Pattern }
  | { readonly k: 'range'; readonly of: Pattern }
  | { readonly k: 'any' }
  | { readonly k: 'lambda'; readonly params: readonly Pattern[]; readonly result: Pattern };
interface Parameter {
  readonly pattern: Pattern;
  readonly name?: string;
  readonly optional: boolean;
}
export interface Signature {
  readonly text: string;
  readonly parameters: readonly Parameter[];
  readonly repeated?: Pattern;
  readonly result: Pattern | ((args: readonly Typed[], call: { readonly fault: (message: string) => Error }) => SqlType);
  readonly emit: string | ((sql: readonly string[], call: Call) => string);
}

export type Declared = readonly [
  signature: string,
  emit: string | ((sql: readonly string[], call: Call) => string),
  result?: (args: readonly Typed[], call: { readonly fault: (message: string) => Error }) => SqlType,
];

function parsePattern(text: string): Pattern {
  const t = text.trim();
  if (t === 'ANY') return { k: 'any' };
  if (/^T\d?$/.test(t)) return { k: 'var', name: t };
  const nested = /^(ARRAY|RANGE)<(.*)>$/.exec(t);
  if (nested && /^(ANY|T\d?)$/.test(nested[2]!.trim()))
    return { k: nested[1] === 'ARRAY' ? 'array' : 'range', of: parsePattern(nested[2]!) };
  const lambda = /^\((.*)\s=>\s(.*)\)$/.exec(t);
  if (lambda) return { k: 'lambda', params: lambda[1]!.split(';').map(parsePattern), result: parsePattern(lambda[2]!) };
  return { k: 'type', type: parseType(t) };
}

export function declare([text, emit, result]: Declared): Signature {
  const [left, right] = text.split('->').map((p) => p.trim()) as [string, string];
  const parameters: Parameter[] = [];
  let repeated: Pattern | undefined;
  let optional = false;
  for (const raw of splitTop(left.replaceAll('[,', ', [').replaceAll(']', ''))) {
    let part = raw.trim();
    if (part === '') continue;
    if (part.startsWith('[')) {
      optional = true;
      part = part.slice(1).trim();
    }
    if (part.endsWith('...')) {
      repeated = parsePattern(part.slice(0, -3));
      continue;
    }
    const named = /^([a-z_]+)\s+(\S.*)$/.exec(part);
    parameters.push({ pattern: parsePattern(named ? named[2]! : part), optional, ...(named && { name: named[1]! }) });
  }
  return { text, parameters, emit, result: result ?? parsePattern(right), ...(repeated && { repeated }) };
}

function splitTop(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let current = '';
  for (const c of text) {
    if ('<(['.includes(c) && c !== '[') depth++;
    if ('>)'.includes(c)) depth--;
    if (c === ',' && depth === 0) {
      out.push(current);
      current = '';
    } else current += c;
  }
  out.push(current);
  return out;
}

/** The cost of passing `arg` as `want`, or undefined when it can't be. */
export function costOf(arg: Typed, want: SqlType): number | undefined {
  if (arg.untyped || arg.raises) return 0;
  if (sameType(arg.type, want)) return 0;
  if (arg.emptyArray) return want.kind === 'ARRAY' ? 0 : undefined;
  if (arg.items && want.kind === 'ARRAY' && arg.type.kind === 'ARRAY') {
    return arg.items.every((item) => costOf(item, want.element) !== undefined) ? 2 : undefined;
  }
  if (arg.items && want.kind === 'STRUCT' && arg.type.kind === 'STRUCT' && want.fields.length === arg.items.length) {
    return arg.items.every((item, i) => costOf(item, want.fields[i]!.type) !== undefined) ? 2 : undefined;
  }
  if (widens(arg.type, want)) return want.kind === 'FLOAT64' ? 3 : want.kind === 'BIGNUMERIC' ? 5 : 4;
  if ((arg.literal !== undefined || arg.parameter) && literalCoerces(arg.type, want, arg.literal === undefined)) {
    return arg.type.kind === 'FLOAT64' ? 2 : 4;
  }
  return undefined;
}

/** The common type of some expressions, literals giving way to the rest. */
export function commonType(args: readonly Typed[]): SqlType | undefined {
  const typed = args.filter((a) => !a.untyped && !a.emptyArray && !a.raises);
  if (typed.length === 0) return args.find((a) => a.emptyArray)?.type ?? args[0]?.type;
  const firm = typed.filter((a) => a.literal === undefined && !a.items && !a.parameter);
  const base = firm.length > 0 ? firm : typed;
  let type: SqlType | undefined = base[0]!.type;
  for (const a of base.slice(1)) {
    const next: SqlType | undefined = type && superType(type, a.type);
    type =
      next ??
      (type && costOf(a, type) !== undefined
        ? type
        : type && base.every((b) => costOf(b, a.type) !== undefined)
          ? a.type
          : mergeLiterals(type, a));
    if (!type) return undefined;
  }
  for (const a of typed) {
    if (type && costOf(a, type) === undefined) type = superType(type, a.type) ?? mergeLiterals(type, a);
    if (!type) return undefined;
  }
  return type;
}
function mergeLiterals(type: SqlType, a: Typed): SqlType | undefined {
  if (type.kind === 'ARRAY' && a.type.kind === 'ARRAY' && a.items) {
    const element = superType(type.element, a.type.element);
    return element && arrayOf(element);
  }
  if (type.kind === 'STRUCT' && a.type.kind === 'STRUCT' && a.items && type.fields.length === a.items.length) {
    const fields = type.fields.map((f, i) => {
      const item = a.items![i]!;
      const merged = item.untyped ? f.type : (superType(f.type, item.type) ?? (costOf(item, f.type) !== undefined ? f.type : undefined));
      return merged && { name: f.name, type: merged };
    });
    return fields.every((f) => f !== undefined) ? { kind: 'STRUCT', fields: fields as { name: string; type: SqlType }[] } : undefined;
  }
  return undefined;
}

export interface Match {
  readonly signature: Signature;
  /** The type each given argument is converted to; undefined where anything is taken as it is. */
  readonly types: readonly (SqlType | undefined)[];
  readonly result: SqlType | undefined;
}

export function bindPattern(pattern: Pattern, vars: ReadonlyMap<string, SqlType>): SqlType | undefined {
  switch (pattern.k) {
    case 'type':
      return pattern.type;
    case 'var':
      return vars.get(pattern.name);
    case 'array': {
      const element = bindPattern(pattern.of, vars);
      return element && arrayOf(element);
    }
    case 'range': {
      const element = bindPattern(pattern.of, vars);
      return element && { kind: 'RANGE', element };
    }
    default:
      return undefined;
  }
}

function patternsFor(signature: Signature, count: number): Pattern[] | undefined {
  const { parameters, repeated } = signature;
  const least = parameters.filter((p) => !p.optional).length;
  if (count < least || (count > parameters.length && !repeated)) return undefined;
  return Array.from({ length: count }, (_, i) => parameters[i]?.pattern ?? repeated!);
}

function tryMatch(signature: Signature, args: readonly Typed[]): { match: Match; cost: number } | undefined {
  const patterns = patternsFor(signature, args.length);
  if (!patterns) return undefined;
  const vars = new Map<string, SqlType>();
  const names = new Set<string>();
  const candidates = new Map<string, Typed[]>();
  const note = (pattern: Pattern, arg: Typed): boolean => {
    if (pattern.k === 'var') {
      names.add(pattern.name);
      candidates.set(pattern.name, [...(candidates.get(pattern.name) ?? []), arg]);
    } else if (pattern.k === 'array' && pattern.of.k === 'var') {
      names.add(pattern.of.name);
      if (arg.untyped || arg.emptyArray) return true;
      if (arg.type.kind !== 'ARRAY') return false;
      const list = candidates.get(pattern.of.name) ?? [];
      candidates.set(pattern.of.name, [...list, ...(arg.items ?? [{ type: arg.type.element, sql: '' }])]);
    } else if (pattern.k === 'range' && pattern.of.k === 'var') {
      names.add(pattern.of.name);
      if (arg.untyped) return true;
      if (arg.type.kind !== 'RANGE') return false;
      candidates.set(pattern.of.name, [...(candidates.get(pattern.of.name) ?? []), { type: arg.type.element, sql: '' }]);
    }
    return true;
  };
  for (const [i, pattern] of patterns.entries()) if (!note(pattern, args[i]!)) return undefined;
  for (const name of names) {
    const list = candidates.get(name) ?? [];
    const type = list.length === 0 ? ({ kind: 'INT64' } as const) : commonType(list);
    if (!type) return undefined;
    vars.set(name, type);
  }
  let cost = 0;
  const types: (SqlType | undefined)[] = [];
  for (const [i, pattern] of patterns.entries()) {
    const arg = args[i]!;
    if (pattern.k === 'any') {
      types.push(undefined);
      continue;
    }
    if (pattern.k === 'array' && pattern.of.k === 'any') {
      if (arg.type.kind !== 'ARRAY' && !arg.untyped) return undefined;
      types.push(arg.untyped ? arrayOf({ kind: 'INT64' }) : undefined);
      continue;
    }
    const want = bindPattern(pattern, vars);
    const one = want && costOf(arg, want);
    if (one === undefined) return undefined;
    cost += one;
    types.push(want);
  }
  const result = typeof signature.result === 'function' ? undefined : bindPattern(signature.result, vars);
  return { match: { signature, types, result }, cost };
}

export function chooseSignature(signatures: readonly Signature[], args: readonly Typed[]): Match | undefined {
  let best: { match: Match; cost: number } | undefined;
  for (const signature of signatures) {
    const found = tryMatch(signature, args);
    if (found && (!best || found.cost < best.cost)) best = found;
  }
  return best?.match;
}

export function describeArguments(args: readonly Typed[]): string {
  return args.map((a) => (a.untyped ? 'NULL' : formatType(a.type))).join(', ');
}
export function describeSignatures(name: string, signatures: readonly Signature[]): string {
  const texts = signatures.map(
    (s) =>
      `${name}(${s.text
        .split('->')[0]!
        .trim()
        .replaceAll('[,', ', [')
        .replaceAll(/\bT\d?\b/g, 'ANY')})`,
  );
  return `Supported signature${texts.length > 1 ? 's' : ''}: ${texts.join('; ')}`;
}
