/** Aggregate functions. */
import { arrayOf, BYTES, formatType, INT64, isOrderable, STRING } from '../sql-type.ts';
import { aggregate, type FunctionSpec } from './call.ts';
import type { Declared } from './signature.ts';

const plain = { distinct: true, having: true } as const;
const listed = { distinct: true, order: true, limit: true, nulls: true, having: true } as const;
/** Statistics are FLOAT64 whatever the argument's type. */
const statistic = (name: string, duck: string): FunctionSpec =>
  aggregate(name, { distinct: true }, ['FLOAT64 -> FLOAT64', `{${duck}($1)}`]);
const pair = (name: string, duck: string): FunctionSpec =>
  aggregate(name, { distinct: true }, ['FLOAT64, FLOAT64 -> FLOAT64', `{${duck}($1, $2)}`]);
/** The element type of MIN and MAX: anything that has an order. */
const ordered = (name: string, emit: string): Declared => [
  'T -> T',
  emit,
  ([a], { fault }) => {
    if (!isOrderable(a!.type)) throw fault(`${name} is not defined for arguments of type ${formatType(a!.type)}`);
    return a!.type;
  },
];
/** DuckDB adds no intervals up: their three parts are added apart. */
const INTERVAL_SUM =
  "(to_months(CAST({sum(datepart('year', $1) * 12 + datepart('month', $1))} AS INTEGER)) + to_days(CAST({sum(datepart('day', $1))} AS INTEGER)) + to_microseconds(CAST({sum(gs_interval_micros($1))} AS BIGINT)))";

export const aggregateFunctions: readonly FunctionSpec[] = [
  aggregate('COUNT', plain, ['-> INT64', '{count(*)}'], ['ANY -> INT64', '{count($1)}']),
  aggregate('COUNTIF', plain, ['BOOL -> INT64', '{count(CASE WHEN $1 THEN 1 END)}']),
  aggregate(
    'SUM',
    plain,
    ['INT64 -> INT64', 'CAST({sum($1)} AS BIGINT)'],
    ['FLOAT64 -> FLOAT64', '{sum($1)}'],
    ['NUMERIC -> NUMERIC', 'gs_numeric_sum({sum($1)})'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_check({sum($1)})'],
    ['INTERVAL -> INTERVAL', INTERVAL_SUM],
  ),
  aggregate(
    'AVG',
    plain,
    ['FLOAT64 -> FLOAT64', '{avg($1)}'],
    ['NUMERIC -> NUMERIC', 'gs_numeric_div({sum($1)}, CAST(nullif({count($1)}, 0) AS DECIMAL(38,9)))'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_div({sum($1)}, gs_int_bignumeric(nullif({count($1)}, 0)))'],
    ['INTERVAL -> INTERVAL', `gs_interval_div(${INTERVAL_SUM}, nullif({count($1)}, 0))`],
  ),
  aggregate(
    'MIN',
    plain,
    ['INT64 -> INT64', '{min($1)}'],
    ['FLOAT64 -> FLOAT64', 'gs_float_min({bool_or(isnan($1))}, {min($1)})'],
    ordered('MIN', '{min($1)}'),
  ),
  aggregate('MAX', plain, ['INT64 -> INT64', '{max($1)}'], ordered('MAX', '{max($1)}')),
  aggregate('ANY_VALUE', { having: true }, ['T -> T', '{any_value($1)}']),
  aggregate('MAX_BY', {}, ['T, T2 -> T', '{arg_max($1, $2)}']),
  aggregate('MIN_BY', {}, ['T, T2 -> T', '{arg_min($1, $2)}']),
  aggregate('ARRAY_AGG', listed, [
    'ANY -> ANY',
    '{list($1)}',
    ([a], { fault }) => {
      if (a!.type.kind === 'ARRAY') throw fault('The argument to ARRAY_AGG must not be an array type');
      return arrayOf(a!.type);
    },
  ]),
  aggregate('ARRAY_CONCAT_AGG', { order: true, limit: true }, ['ARRAY<T> -> ARRAY<T>', 'flatten({list($1)})']),
  aggregate(
    'STRING_AGG',
    { distinct: true, order: true, limit: true },
    ['STRING[, STRING] -> STRING', (sql) => `array_to_string({list($1)}, ${sql[1] ? '$2' : "','"})`, () => STRING],
    ['BYTES[, BYTES] -> BYTES', (sql) => `encode(array_to_string({list(decode($1))}, ${sql[1] ? 'decode($2)' : "','"}))`, () => BYTES],
  ),
  aggregate('LOGICAL_AND', { distinct: true }, ['BOOL -> BOOL', '{bool_and($1)}']),
  aggregate('LOGICAL_OR', { distinct: true }, ['BOOL -> BOOL', '{bool_or($1)}']),
  aggregate('BIT_AND', plain, ['INT64 -> INT64', '{bit_and($1)}']),
  aggregate('BIT_OR', plain, ['INT64 -> INT64', '{bit_or($1)}']),
  aggregate('BIT_XOR', plain, ['INT64 -> INT64', '{bit_xor($1)}']),
  statistic('STDDEV', 'stddev_samp'),
  statistic('STDDEV_SAMP', 'stddev_samp'),
  statistic('STDDEV_POP', 'stddev_pop'),
  statistic('VARIANCE', 'var_samp'),
  statistic('VAR_SAMP', 'var_samp'),
  statistic('VAR_POP', 'var_pop'),
  aggregate('CORR', { distinct: true }, ['FLOAT64, FLOAT64 -> FLOAT64', 'CASE WHEN {regr_count($1, $2)} > 1 THEN {corr($1, $2)} END']),
  pair('COVAR_POP', 'covar_pop'),
  pair('COVAR_SAMP', 'covar_samp'),
  aggregate('APPROX_COUNT_DISTINCT', { over: true }, ['T -> INT64', '{count(DISTINCT $1)}', () => INT64]),
  aggregate('APPROX_QUANTILES', { distinct: true, nulls: true, over: false }, [
    'T, INT64 -> ARRAY<T>',
    'gs_quantiles({list($1)} , $2)',
    ([a, n], { fault }) => {
      if (typeof n!.literal === 'bigint' && n!.literal < 1n) throw fault('Argument 2 to APPROX_QUANTILES must be at least 1');
      return arrayOf(a!.type);
    },
  ]),
  aggregate('APPROX_TOP_SUM', { over: false }, [
    'ANY, INT64, INT64 -> ANY',
    'gs_top_sum({list(struct_pack(v := $1, w := $2))}, $3)',
    ([a]) =>
      arrayOf({
        kind: 'STRUCT',
        fields: [
          { name: 'value', type: a!.type },
          { name: 'sum', type: INT64 },
        ],
      }),
  ]),
  aggregate('APPROX_TOP_COUNT', { over: false }, [
    'ANY, INT64 -> ANY',
    'gs_top_count({list($1)}, $2)',
    ([a]) =>
      arrayOf({
        kind: 'STRUCT',
        fields: [
          { name: 'value', type: a!.type },
          { name: 'count', type: INT64 },
        ],
      }),
  ]),
];
