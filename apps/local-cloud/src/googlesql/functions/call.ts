/** What an emitter of ./<family>.ts may ask about the call that it translates. */
import type { Typed } from '../analyze/typed.ts';
import type { Bind, SqlType } from '../contract.ts';
import { type Declared, declare, type Signature } from './signature.ts';

export interface Call {
  readonly name: string;
  readonly args: readonly Typed[];
  readonly result: SqlType;
  /** The placeholder of a value that is fixed for the statement. */
  readonly context: (name: Extract<Bind, { from: 'context' }>['name']) => string;
  /** The call's value depends on chance: its result must not be cached. */
  readonly volatile: () => void;
  readonly fault: (message: string, argument?: number) => Error;
}

export interface FunctionSpec {
  readonly name: string;
  readonly kind: 'scalar' | 'aggregate' | 'window';
  readonly signatures: readonly Signature[];
  /** Aggregates and navigation functions: which modifiers the call may carry. */
  readonly allows?: {
    readonly distinct?: boolean;
    readonly order?: boolean;
    readonly limit?: boolean;
    readonly nulls?: boolean;
    readonly having?: boolean;
    readonly frame?: boolean;
    readonly over?: boolean;
  };
  /** Window functions that need ORDER BY inside OVER. */
  readonly needsOrder?: boolean;
  /** Window functions that allow none. */
  readonly noOrder?: boolean;
  /** The argument that may be a date part (`DAY`) rather than an expression. */
  readonly part?: number;
}

export const scalar = (name: string, ...signatures: readonly Declared[]): FunctionSpec => ({
  name,
  kind: 'scalar',
  signatures: signatures.map(declare),
});
export const aggregate = (name: string, allows: NonNullable<FunctionSpec['allows']>, ...signatures: readonly Declared[]): FunctionSpec => ({
  name,
  kind: 'aggregate',
  signatures: signatures.map(declare),
  allows: { over: true, ...allows },
});
export const windowFunction = (
  name: string,
  spec: Pick<FunctionSpec, 'allows' | 'needsOrder' | 'noOrder'>,
  ...signatures: readonly Declared[]
): FunctionSpec => ({
  name,
  kind: 'window',
  signatures: signatures.map(declare),
  ...spec,
});

const LONG = 300;
/**
 * Emitters name an argument more than once, so long arguments would make the text grow exponentially with nesting, and a
 * subquery may not stand under TRY. Such arguments are computed first, in a one-element list, and named inside a lambda.
 */
export function once(sql: readonly string[], name: string, build: (sql: readonly string[]) => string): string {
  const out = build(sql);
  const queries = /\bTRY\(|\bgs_make_date\(/.test(out);
  const lifted = sql.map((s) => !s.startsWith('lambda ') && (s.length > LONG || (queries && /\bSELECT\b/.test(s))));
  if (!lifted.includes(true)) return out;
  const fields = sql.flatMap((s, i) => (lifted[i] ? [`a${i} := ${s}`] : []));
  const inner = build(sql.map((s, i) => (lifted[i] ? `struct_extract(${name}, 'a${i}')` : s)));
  return `list_transform([struct_pack(${fields.join(', ')})], lambda ${name}: ${inner})[1]`;
}

/** `$1`, `$2` are the arguments, `$*` all of them. */
export function fill(template: string, sql: readonly string[]): string {
  return template.replace(/\$(\*|\d+)/g, (_, key: string) => (key === '*' ? sql.join(', ') : (sql[Number(key) - 1] ?? 'NULL')));
}
