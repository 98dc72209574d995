/** Aggregate functions. */
import { arrayOf, BYTES, INT64, STRING } from '../sql-type.ts';
import { aggregate, type FunctionSpec } from './call.ts';

const plain = { distinct: true, having: true } as const;
const listed = { distinct: true, order: true, limit: true, nulls: true, having: true } as const;
/** Statistics are FLOAT64 whatever the argument's type. */
const statistic = (name: string, duck: string): FunctionSpec =>
  aggregate(name, { distinct: true }, ['FLOAT64 -> FLOAT64', `{${duck}($1)}`]);
const pair = (name: string, duck: string): FunctionSpec =>
  aggregate(name, { distinct: true }, ['FLOAT64, FLOAT64 -> FLOAT64', `{${duck}($1, $2)}`]);

export const aggregateFunctions: readonly FunctionSpec[] = [
  aggregate('COUNT', plain, ['-> INT64', '{count(*)}'], ['ANY -> INT64', '{count($1)}']),
  aggregate('COUNTIF', plain, ['BOOL -> INT64', '{count(CASE WHEN $1 THEN 1 END)}']),
  aggregate(
    'SUM',
    plain,
    ['INT64 -> INT64', 'CAST({sum($1)} AS BIGINT)'],
    ['FLOAT64 -> FLOAT64', '{sum($1)}'],
    ['NUMERIC -> NUMERIC', '{sum($1)}'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_check({sum($1)})'],
    ['INTERVAL -> INTERVAL', '{sum($1)}'],
  ),
  aggregate(
    'AVG',
    plain,
    ['FLOAT64 -> FLOAT64', '{avg($1)}'],
    ['NUMERIC -> NUMERIC', 'gs_numeric_div({sum($1)}, CAST(nullif({count($1)}, 0) AS DECIMAL(38,9)))'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_div({sum($1)}, gs_int_bignumeric(nullif({count($1)}, 0)))'],
  ),
  aggregate('MIN', plain, ['FLOAT64 -> FLOAT64', 'gs_float_min({bool_or(isnan($1))}, {min($1)})'], ['T -> T', '{min($1)}']),
  aggregate('MAX', plain, ['FLOAT64 -> FLOAT64', '{max($1)}'], ['T -> T', '{max($1)}']),
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
  pair('CORR', 'corr'),
  pair('COVAR_POP', 'covar_pop'),
  pair('COVAR_SAMP', 'covar_samp'),
  aggregate('APPROX_COUNT_DISTINCT', { over: true }, ['T -> INT64', '{count(DISTINCT $1)}', () => INT64]),
  aggregate('APPROX_QUANTILES', { distinct: true, nulls: true, over: false }, ['T, INT64 -> ARRAY<T>', 'gs_quantiles({list($1)} , $2)']),
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
