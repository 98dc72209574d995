/** Operators, declared like functions. */
import type { Typed } from '../analyze/typed.ts';
import { type Declared, declare, type Signature } from './signature.ts';

const define = (...signatures: Declared[]): Signature[] => signatures.map(declare);
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
    ['T, T -> BOOL', `($1 ${op} $2)`],
  );
const overflow = (op: string) =>
  `CASE WHEN isinf($1 ${op} $2) AND isfinite($1) AND isfinite($2) THEN gs_fail('double overflow: ' || gs_float_text($1) || ' ${op} ' || gs_float_text($2)) ELSE ($1 ${op} $2) END`;
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
      ['FLOAT64, FLOAT64 -> FLOAT64', '($1 + $2)'],
      ['NUMERIC, NUMERIC -> NUMERIC', '($1 + $2)'],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', '($1 + $2)'],
      ['DATE, INT64 -> DATE', 'gs_date_plus($1, $2)'],
      ['INT64, DATE -> DATE', 'gs_date_plus($2, $1)'],
      ['TIMESTAMP, INTERVAL -> TIMESTAMP', 'gs_timestamp_plus($1, $2)'],
      ['INTERVAL, TIMESTAMP -> TIMESTAMP', 'gs_timestamp_plus($2, $1)'],
      ['DATE, INTERVAL -> DATETIME', '(CAST($1 AS TIMESTAMP) + $2)'],
      ['INTERVAL, DATE -> DATETIME', '(CAST($2 AS TIMESTAMP) + $1)'],
      ['DATETIME, INTERVAL -> DATETIME', '($1 + $2)'],
      ['INTERVAL, DATETIME -> DATETIME', '($2 + $1)'],
      ['INTERVAL, INTERVAL -> INTERVAL', '($1 + $2)'],
    ),
  ],
  [
    '-',
    define(
      ['INT64, INT64 -> INT64', '($1 - $2)'],
      ['FLOAT64, FLOAT64 -> FLOAT64', '($1 - $2)'],
      ['NUMERIC, NUMERIC -> NUMERIC', '($1 - $2)'],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', '($1 - $2)'],
      ['DATE, INT64 -> DATE', 'gs_date_plus($1, -$2)'],
      ['DATE, DATE -> INTERVAL', 'to_days(CAST(($1 - $2) AS INTEGER))'],
      ['TIMESTAMP, TIMESTAMP -> INTERVAL', 'to_microseconds(epoch_us($1) - epoch_us($2))'],
      ['DATETIME, DATETIME -> INTERVAL', 'gs_datetime_minus($1, $2)'],
      ['TIME, TIME -> INTERVAL', 'to_microseconds(epoch_us($1) - epoch_us($2))'],
      ['TIMESTAMP, INTERVAL -> TIMESTAMP', 'gs_timestamp_plus($1, -($2))'],
      ['DATE, INTERVAL -> DATETIME', '(CAST($1 AS TIMESTAMP) - $2)'],
      ['DATETIME, INTERVAL -> DATETIME', '($1 - $2)'],
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
  ['<<', define(['INT64, INT64 -> INT64', 'gs_shift_left($1, $2)'], ['BYTES, INT64 -> BYTES', 'gs_bytes_shift($1, $2)'])],
  ['>>', define(['INT64, INT64 -> INT64', 'gs_shift_right($1, $2)'], ['BYTES, INT64 -> BYTES', 'gs_bytes_shift($1, -$2)'])],
  ['=', comparison('=')],
  ['!=', comparison('<>')],
  ['<', comparison('<')],
  ['>', comparison('>')],
  ['<=', comparison('<=')],
  ['>=', comparison('>=')],
  ['LIKE', define(['STRING, STRING -> BOOL', "($1 LIKE $2 ESCAPE '\\')"], ['BYTES, BYTES -> BOOL', 'gs_bytes_like($1, $2)'])],
]);
