/** How the functions of ./<family>.ts are declared, and how their emitters' templates are filled. */
import { prelude } from '../runtime/prelude.ts';
import { type Declared, declare, type Signature } from './signature.ts';

export type { Call } from './signature.ts';

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
  /** The name of a flag that follows the repeated pairs of arguments; it has no place of its own. */
  readonly flag?: string;
  /** Answers for errors of its arguments, as IFERROR does. */
  readonly catches?: true;
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
/** A column, a field of one, a parameter or a literal: nothing in it can fail. */
const COLUMN = String.raw`(?:\w+|"[^"]*")(?:\.(?:\w+|"[^"]*"))*`;
const SCALAR = String.raw`NULL|\$\w+|-?[\d.]+(?:e[+-]?\d+)?|'(?:[^']|'')*'`;
const PLAIN = new RegExp(
  `^(?:${COLUMN}|struct_extract\\(${COLUMN}, '[^']*'\\)|(?:${SCALAR})(?:::\\w+)?|CAST\\((?:${SCALAR}) AS [\\w(),[\\] ]+\\)|from_hex\\('\\w*'\\))$`,
);
/** Its body names what it is given as often as it likes. */
const MACRO = new RegExp(`\\b(?:${prelude.flatMap((sql) => /\bMACRO (\w+)\(/.exec(sql)?.[1] ?? []).join('|')})\\(`);
/**
 * Long arguments that are named more than once would make the text grow exponentially with nesting. Under TRY may stand no subquery,
 * and no argument whose own errors GoogleSQL lets through: `SAFE.` swallows the function's only. Such arguments are computed first, in a
 * one-element list, and named inside a lambda. Others stay where they are: a branch that is not taken is not computed.
 */
export function once(
  sql: readonly string[],
  name: string,
  build: (sql: readonly string[]) => string,
  catches: 'own' | 'all' = 'own',
): string {
  const isLambda = (s: string) => s.startsWith('lambda ');
  const plain = build(sql);
  const around = build(sql.map((s) => (isLambda(s) ? s : 'gs_a')));
  const grows = (s: string) => s.length > LONG && (MACRO.test(around) || plain.split(s).length > 2);
  const tries = /\bTRY\(|\bgs_make_date\(/.test(around);
  // DuckDB compiles a constant pattern before there is a TRY around it.
  const pattern = /\bTRY\(.*\bregexp_/s.test(around);
  const held = (s: string) => tries && (catches === 'own' ? pattern || !PLAIN.test(s) : /\bSELECT\b/.test(s));
  const lifted = sql.map((s) => !isLambda(s) && (grows(s) || held(s)));
  if (!lifted.includes(true)) return plain;
  const fields = sql.flatMap((s, i) => (lifted[i] ? [`a${i} := ${s}`] : []));
  const inner = build(sql.map((s, i) => (lifted[i] ? `struct_extract(${name}, 'a${i}')` : s)));
  return `list_transform([struct_pack(${fields.join(', ')})], lambda ${name}: ${inner})[1]`;
}

/** `$1`, `$2` are the arguments, `$*` all of them. */
export function fill(template: string, sql: readonly string[]): string {
  return template.replace(/\$(\*|\d+)/g, (_, key: string) => (key === '*' ? sql.join(', ') : (sql[Number(key) - 1] ?? 'NULL')));
}
