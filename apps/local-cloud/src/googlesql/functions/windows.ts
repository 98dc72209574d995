/** Functions that need an OVER clause. */
import { type FunctionSpec, windowFunction } from './call.ts';

const ranking = (name: string, duck: string, needsOrder = true): FunctionSpec =>
  windowFunction(name, { needsOrder }, ['-> INT64', `{${duck}()}`]);
const share = (name: string, duck: string): FunctionSpec => windowFunction(name, { needsOrder: true }, ['-> FLOAT64', `{${duck}()}`]);
const navigation = { nulls: true, frame: true } as const;

export const windowFunctions: readonly FunctionSpec[] = [
  ranking('ROW_NUMBER', 'row_number', false),
  ranking('RANK', 'rank'),
  ranking('DENSE_RANK', 'dense_rank'),
  share('PERCENT_RANK', 'percent_rank'),
  share('CUME_DIST', 'cume_dist'),
  windowFunction('NTILE', { needsOrder: true }, [
    'INT64 -> INT64',
    (_, call) => {
      const n = call.args[0]!.literal;
      if (typeof n === 'bigint' && n <= 0n) throw call.fault('The N value (number of buckets) for the NTILE function must be positive');
      return '{ntile($1)}';
    },
  ]),
  windowFunction('LAG', { needsOrder: true }, [
    'T[, INT64, T] -> T',
    (sql) => (sql.length === 1 ? '{lag($1)}' : sql.length === 2 ? '{lag($1, $2)}' : '{lag($1, $2, $3)}'),
  ]),
  windowFunction('LEAD', { needsOrder: true }, [
    'T[, INT64, T] -> T',
    (sql) => (sql.length === 1 ? '{lead($1)}' : sql.length === 2 ? '{lead($1, $2)}' : '{lead($1, $2, $3)}'),
  ]),
  windowFunction('FIRST_VALUE', { needsOrder: true, allows: navigation }, ['T -> T', '{first_value($1)}']),
  windowFunction('LAST_VALUE', { needsOrder: true, allows: navigation }, ['T -> T', '{last_value($1)}']),
  windowFunction('NTH_VALUE', { needsOrder: true, allows: navigation }, ['T, INT64 -> T', '{nth_value($1, $2)}']),
  windowFunction(
    'PERCENTILE_CONT',
    { allows: { nulls: true } },
    ['FLOAT64, FLOAT64 -> FLOAT64', '{quantile_cont($1, $2)}'],
    ['NUMERIC, NUMERIC -> NUMERIC', 'gs_float_numeric({quantile_cont(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))})'],
  ),
  windowFunction('PERCENTILE_DISC', { allows: { nulls: true } }, ['T, FLOAT64 -> T', '{quantile_disc($1, $2)}']),
];
