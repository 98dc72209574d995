/** Operators, declared like functions. */
import type { Typed } from '../analyze/typed.ts';
import type { SqlType } from '../contract.ts';
import { fieldName, formatType } from '../sql-type.ts';
import { once } from './call.ts';
import { type Declared, declare, type Signature } from './signature.ts';

const define = (...signatures: Declared[]): Signature[] => signatures.map(declare);
const NAMES: Readonly<Record<string, string>> = {
  '=': 'Equality',
  '<>': 'Inequality',
  '<': 'Less than',
  '>': 'Greater than',
  '<=': 'Less than or equal',
  '>=': 'Greater than or equal',
};
/** Three-valued equality of two values: DuckDB's own takes NULLs inside structs and arrays for equal. */
function equal(a: string, b: string, type: SqlType, depth: number): string {
  if (type.kind === 'STRUCT') {
    const field = (of: string, i: number) => `struct_extract(${of}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`;
    const tests = type.fields.map((f, i) => equal(field(a, i), field(b, i), f.type, depth + 1));
    return `(CASE WHEN ${a} IS NULL OR ${b} IS NULL THEN NULL ELSE ${tests.length > 0 ? `(${tests.join(' AND ')})` : 'true'} END)`;
  }
  if (type.kind === 'ARRAY') {
    const each = `gs_k${depth}`;
    const tests = `list_transform(range(1, len(${a}) + 1), lambda ${each}: ${equal(`${a}[${each}]`, `${b}[${each}]`, type.element, depth + 1)})`;
    const all = `list_transform([${tests}], lambda gs_r${depth}: CASE WHEN list_contains(gs_r${depth}, false) THEN false WHEN list_position(gs_r${depth}, NULL) IS NOT NULL THEN NULL ELSE true END)[1]`;
    return `(CASE WHEN ${a} IS NULL OR ${b} IS NULL THEN NULL WHEN len(${a}) <> len(${b}) THEN false ELSE ${all} END)`;
  }
  if (type.kind === 'FLOAT64') return `(${a} = ${b} AND NOT isnan(${a}))`;
  return `(${a} = ${b})`;
}
function compare(op: string, a: string, b: string, type: SqlType, fault: (message: string) => Error): string {
  const { kind } = type;
  const nested = kind === 'STRUCT' || kind === 'ARRAY';
  if (kind === 'JSON' || (nested && op !== '=' && op !== '<>'))
    throw fault(`${NAMES[op]} is not defined for arguments of type ${formatType(type)}`);
  if (nested) {
    const test = equal('gs_eq.a', 'gs_eq.b', type, 0);
    return `(list_transform([struct_pack(a := ${a}, b := ${b})], lambda gs_eq: ${op === '=' ? test : `(NOT ${test})`})[1])`;
  }
  if (kind === 'RANGE' && op !== '=' && op !== '<>') {
    const bounds = (r: string) =>
      `CASE WHEN ${r} IS NOT NULL THEN struct_pack(a := coalesce(struct_extract(${r}, 'start'), '-infinity'), b := coalesce(struct_extract(${r}, 'end'), 'infinity')) END`;
    return `(${bounds(a)} ${op} ${bounds(b)})`;
  }
  return `(${a} ${op} ${b})`;
}
/** DuckDB takes NaN for equal to itself and greater than all else; in GoogleSQL a comparison with NaN is false. */
const NAN_SIDE: Readonly<Record<string, number>> = { '=': 0, '>': 0, '>=': 0, '<': 1, '<=': 1 };
const comparison = (op: string) =>
  define(
    [
      'FLOAT64, FLOAT64 -> BOOL',
      ([a, b], { args }) => {
        const side = NAN_SIDE[op];
        const plain = `(${a} ${op} ${b})`;
        if (args[0]!.untyped || args[1]!.untyped) return plain;
        if (side === undefined)
          return args.some((x) => x.literal !== undefined || x.type.kind !== 'FLOAT64') ? plain : `(${plain} OR isnan(${a}))`;
        const exact =
          args[side]!.literal !== undefined || args[side]!.type.kind !== 'FLOAT64' || (op === '=' && args[1]!.literal !== undefined);
        return exact ? plain : `(${plain} AND NOT isnan(${[a, b][side]}))`;
      },
    ],
    ['T, T -> BOOL', ([a, b], call) => compare(op, a!, b!, (call.args.find((x) => !x.untyped) ?? call.args[0]!).type, call.fault)],
  );
/** Infinity out of finite numbers is an error. A sum with a literal of common size cannot get there. */
const overflow =
  (op: '+' | '-' | '*') =>
  ([a, b]: readonly string[], { args }: { readonly args: readonly Typed[] }): string => {
    const plain = `(${a} ${op} ${b})`;
    const small = (x: Typed) => x.literal !== undefined && Math.abs(Number(x.literal)) < (op === '*' ? 1 : 1e290);
    if (args.some(small)) return plain;
    return once([a!, b!], 'gs_o', ([x, y]) => {
      const value = `(${x} ${op} ${y})`;
      return `CASE WHEN isinf${value} AND isfinite(${x}) AND isfinite(${y}) THEN gs_fail('double overflow: ' || gs_float_text(${x}) || ' ${op} ' || gs_float_text(${y})) ELSE ${value} END`;
    });
  };
const byteShift = (by: string) =>
  `CASE WHEN $1 IS NOT NULL AND $2 < 0 THEN gs_fail('Bitwise shift by negative offset.') ELSE gs_bytes_shift($1, ${by}) END`;
const bitwise = (op: string) => define(['INT64, INT64 -> INT64', op], ['BYTES, BYTES -> BYTES', `gs_bytes_bit($1, $2, '${op[4]}')`]);

/** Times an integer no digit is lost, so DuckDB's own multiplication is exact (and many times faster than scaling down). */
const multiply = ([a, b]: readonly string[], { args }: { readonly args: readonly Typed[] }): string => {
  const whole = (i: number) => (args[i]!.type.kind === 'INT64' && !args[i]!.untyped ? `CAST(${args[i]!.sql} AS DECIMAL(19,0))` : undefined);
  const left = whole(0);
  const right = whole(1);
  if (left !== undefined || right !== undefined) return `(${left ?? a} * ${left === undefined ? right : b})`;
  return `gs_numeric_mul(${a}, ${b})`;
};

export const operatorSignatures: ReadonlyMap<string, readonly Signature[]> = new Map([
  [
    '+',
    define(
      ['INT64, INT64 -> INT64', '($1 + $2)'],
      ['FLOAT64, FLOAT64 -> FLOAT64', overflow('+')],
      ['NUMERIC, NUMERIC -> NUMERIC', '($1 + $2)'],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_check($1 + $2)'],
      ['DATE, INT64 -> DATE', 'gs_date_plus($1, $2)'],
      ['INT64, DATE -> DATE', 'gs_date_plus($2, $1)'],
      ['TIMESTAMP, INTERVAL -> TIMESTAMP', 'gs_timestamp_move($1, $2)'],
      ['INTERVAL, TIMESTAMP -> TIMESTAMP', 'gs_timestamp_move($2, $1)'],
      ['DATE, INTERVAL -> DATETIME', 'gs_datetime_check(CAST($1 AS TIMESTAMP) + $2)'],
      ['INTERVAL, DATE -> DATETIME', 'gs_datetime_check(CAST($2 AS TIMESTAMP) + $1)'],
      ['DATETIME, INTERVAL -> DATETIME', 'gs_datetime_check($1 + $2)'],
      ['INTERVAL, DATETIME -> DATETIME', 'gs_datetime_check($2 + $1)'],
      ['INTERVAL, INTERVAL -> INTERVAL', '($1 + $2)'],
    ),
  ],
  [
    '-',
    define(
      ['INT64, INT64 -> INT64', '($1 - $2)'],
      ['FLOAT64, FLOAT64 -> FLOAT64', overflow('-')],
      ['NUMERIC, NUMERIC -> NUMERIC', '($1 - $2)'],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_check($1 - $2)'],
      ['DATE, INT64 -> DATE', 'gs_date_plus($1, -$2)'],
      ['DATE, DATE -> INTERVAL', 'to_days(CAST(($1 - $2) AS INTEGER))'],
      ['TIMESTAMP, TIMESTAMP -> INTERVAL', 'to_microseconds(epoch_us($1) - epoch_us($2))'],
      ['DATETIME, DATETIME -> INTERVAL', 'gs_datetime_minus($1, $2)'],
      ['TIME, TIME -> INTERVAL', 'to_microseconds(epoch_us($1) - epoch_us($2))'],
      ['TIMESTAMP, INTERVAL -> TIMESTAMP', 'gs_timestamp_move($1, -($2))'],
      ['DATE, INTERVAL -> DATETIME', 'gs_datetime_check(CAST($1 AS TIMESTAMP) - $2)'],
      ['DATETIME, INTERVAL -> DATETIME', 'gs_datetime_check($1 - $2)'],
      ['INTERVAL, INTERVAL -> INTERVAL', '($1 + -($2))'],
    ),
  ],
  [
    '*',
    define(
      ['INT64, INT64 -> INT64', '($1 * $2)'],
      ['FLOAT64, FLOAT64 -> FLOAT64', overflow('*')],
      ['NUMERIC, NUMERIC -> NUMERIC', multiply],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_mul($1, $2)'],
      ['INTERVAL, INT64 -> INTERVAL', 'gs_interval_mul($1, $2)'],
      ['INT64, INTERVAL -> INTERVAL', 'gs_interval_mul($2, $1)'],
    ),
  ],
  [
    '/',
    define(
      ['FLOAT64, FLOAT64 -> FLOAT64', 'gs_float_div($1, $2)'],
      ['NUMERIC, NUMERIC -> NUMERIC', 'gs_numeric_div($1, $2)'],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_div($1, $2)'],
      ['INTERVAL, INT64 -> INTERVAL', 'gs_interval_div($1, $2)'],
    ),
  ],
  [
    '-x',
    define(
      ['INT64 -> INT64', '(-$1)'],
      ['FLOAT64 -> FLOAT64', '(-$1)'],
      ['NUMERIC -> NUMERIC', '(-$1)'],
      ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_neg($1)'],
      ['INTERVAL -> INTERVAL', '(-$1)'],
    ),
  ],
  ['~', define(['INT64 -> INT64', '(~$1)'], ['BYTES -> BYTES', 'gs_bytes_not($1)'])],
  [
    '||',
    define(
      ['STRING, STRING -> STRING', '($1 || $2)'],
      ['BYTES, BYTES -> BYTES', '($1 || $2)'],
      ['ARRAY<T>, ARRAY<T> -> ARRAY<T>', 'gs_array_concat($1, $2)'],
    ),
  ],
  ['&', bitwise('($1 & $2)')],
  ['|', bitwise('($1 | $2)')],
  ['^', define(['INT64, INT64 -> INT64', 'xor($1, $2)'], ['BYTES, BYTES -> BYTES', "gs_bytes_bit($1, $2, '^')"])],
  ['<<', define(['INT64, INT64 -> INT64', 'gs_shift_left($1, $2)'], ['BYTES, INT64 -> BYTES', byteShift('$2')])],
  ['>>', define(['INT64, INT64 -> INT64', 'gs_shift_right($1, $2)'], ['BYTES, INT64 -> BYTES', byteShift('-$2')])],
  ['=', comparison('=')],
  ['!=', comparison('<>')],
  ['<', comparison('<')],
  ['>', comparison('>')],
  ['<=', comparison('<=')],
  ['>=', comparison('>=')],
  ['LIKE', define(['STRING, STRING -> BOOL', "($1 LIKE $2 ESCAPE '\\')"], ['BYTES, BYTES -> BOOL', 'gs_bytes_like($1, $2)'])],
]);
