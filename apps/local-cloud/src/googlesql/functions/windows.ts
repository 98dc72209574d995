/** Functions that need an OVER clause. */
import { FLOAT64, NUMERIC } from '../sql-type.ts';
import { type Call, type FunctionSpec, windowFunction } from './call.ts';

const ranking = (name: string, duck: string, needsOrder = true): FunctionSpec =>
  windowFunction(name, { needsOrder }, ['-> INT64', `{${duck}()}`]);
const share = (name: string, duck: string): FunctionSpec => windowFunction(name, { needsOrder: true }, ['-> FLOAT64', `{${duck}()}`]);
/** A number that must be known to be at least `least`, when it is a literal. */
function atLeast(call: Call, argument: number, least: bigint, message: string): void {
  const given = call.args[argument];
  if (given?.untyped || (typeof given?.literal === 'bigint' && given.literal < least)) throw call.fault(message, argument);
}
const offset = (duck: 'lag' | 'lead') => (sql: readonly string[], call: Call) => {
  atLeast(call, 1, 0n, `The offset to the function ${call.name} must not be negative`);
  return `{${duck}(${sql.map((_, i) => `$${i + 1}`).join(', ')})}`;
};
/** DuckDB counts a negative fraction from the other end. */
const fraction =
  (emit: (nulls: 'IGNORE' | 'RESPECT' | undefined, exact: boolean) => string) =>
  (_: readonly string[], call: Call): string => {
    const { literal } = call.args[1]!;
    if (literal !== undefined && !(Number(literal) >= 0 && Number(literal) <= 1))
      throw call.fault(`Argument 2 to ${call.name} must be between 0 and 1`, 1);
    return emit(call.nulls, call.result.kind === 'NUMERIC');
  };
const percentile = { allows: { nulls: true }, noOrder: true } as const;
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
      atLeast(call, 0, 1n, 'The N value (number of buckets) for the NTILE function must be positive');
      return '{ntile($1)}';
    },
  ]),
  windowFunction('LAG', { needsOrder: true }, ['T[, INT64, T] -> T', offset('lag')]),
  windowFunction('LEAD', { needsOrder: true }, ['T[, INT64, T] -> T', offset('lead')]),
  windowFunction('FIRST_VALUE', { needsOrder: true, allows: navigation }, ['T -> T', '{first_value($1)}']),
  windowFunction('LAST_VALUE', { needsOrder: true, allows: navigation }, ['T -> T', '{last_value($1)}']),
  windowFunction('NTH_VALUE', { needsOrder: true, allows: navigation }, [
    'T, INT64 -> T',
    (_, call) => {
      atLeast(call, 1, 1n, 'Argument 2 to NTH_VALUE must be at least 1');
      return '{nth_value($1, $2)}';
    },
  ]),
  windowFunction(
    'PERCENTILE_CONT',
    percentile,
    [
      'FLOAT64, FLOAT64 -> FLOAT64',
      fraction((nulls) => (nulls === 'RESPECT' ? 'gs_percentile_cont({list($1)}, $2)' : '{quantile_cont($1, $2)}')),
    ],
    [
      'NUMERIC, NUMERIC -> NUMERIC',
      fraction((nulls, exact) => {
        const numbers = 'CAST($1 AS DOUBLE)';
        const value =
          nulls === 'RESPECT'
            ? `gs_percentile_cont({list(${numbers})}, CAST($2 AS DOUBLE))`
            : `{quantile_cont(${numbers}, CAST($2 AS DOUBLE))}`;
        return exact ? `gs_float_numeric(${value})` : value;
      }),
      ([, p]) => (typeof p!.literal === 'number' ? FLOAT64 : NUMERIC),
    ],
  ),
  windowFunction('PERCENTILE_DISC', percentile, [
    'T, FLOAT64 -> T',
    fraction((nulls) => (nulls === 'RESPECT' ? 'gs_percentile_disc({list($1)}, $2)' : '{quantile_disc($1, $2)}')),
  ]),
];
