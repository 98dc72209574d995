/** Array functions. */
import { arrayOf, formatType, physicalType } from '../sql-type.ts';
import { type FunctionSpec, scalar } from './call.ts';

const numericResult = (name: string, duck: string): FunctionSpec =>
  scalar(
    name,
    ['ARRAY<INT64> -> INT64', `CAST(${duck}($1) AS BIGINT)`],
    ['ARRAY<FLOAT64> -> FLOAT64', `${duck}($1)`],
    ['ARRAY<NUMERIC> -> NUMERIC', `CAST(${duck}($1) AS DECIMAL(38,9))`],
  );

/** Of a count of elements, which may not be negative. */
const some = (emit: string): string =>
  `CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN $2 < 0 THEN gs_fail('The number of elements must be non-negative') ELSE ${emit} END`;

export const arrayFunctions: readonly FunctionSpec[] = [
  scalar('ARRAY_LENGTH', ['ARRAY<ANY> -> INT64', 'CAST(len($1) AS BIGINT)']),
  scalar('ARRAY_CONCAT', [
    'ARRAY<T>, ARRAY<T>... -> ARRAY<T>',
    (sql) => (sql.length === 1 ? sql[0]! : sql.reduce((a, b) => `gs_array_concat(${a}, ${b})`)),
  ]),
  scalar('ARRAY_REVERSE', ['ARRAY<T> -> ARRAY<T>', 'list_reverse($1)']),
  scalar(
    'ARRAY_TO_STRING',
    ['ARRAY<STRING>, STRING -> STRING', 'CASE WHEN $2 IS NOT NULL THEN array_to_string($1, $2) END'],
    ['ARRAY<STRING>, STRING, STRING -> STRING', 'array_to_string(list_transform($1, lambda gs_e: coalesce(gs_e, $3)), $2)'],
    ['ARRAY<BYTES>, BYTES -> BYTES', 'encode(array_to_string(list_transform($1, lambda gs_e: decode(gs_e)), decode($2)))'],
  ),
  scalar('ARRAY_FIRST', [
    'ARRAY<T> -> T',
    "CASE WHEN len($1) = 0 THEN gs_fail('ARRAY_FIRST cannot get the first element of an empty array') ELSE ($1)[1] END",
  ]),
  scalar('ARRAY_LAST', [
    'ARRAY<T> -> T',
    "CASE WHEN len($1) = 0 THEN gs_fail('ARRAY_LAST cannot get the last element of an empty array') ELSE ($1)[len($1)] END",
  ]),
  scalar('ARRAY_FIRST_N', ['ARRAY<T>, INT64 -> ARRAY<T>', some('($1)[1:$2]')]),
  scalar('ARRAY_LAST_N', ['ARRAY<T>, INT64 -> ARRAY<T>', some('($1)[greatest(len($1) - $2, 0) + 1:]')]),
  scalar('ARRAY_REMOVE_FIRST_N', ['ARRAY<T>, INT64 -> ARRAY<T>', some('($1)[$2 + 1:]')]),
  scalar('ARRAY_REMOVE_LAST_N', ['ARRAY<T>, INT64 -> ARRAY<T>', some('($1)[1:greatest(len($1) - $2, 0)]')]),
  scalar('ARRAY_SLICE', ['ARRAY<T>, INT64, INT64 -> ARRAY<T>', 'gs_array_slice($1, $2, $3)']),
  scalar('ARRAY_INCLUDES', [
    'ARRAY<ANY>, ANY -> BOOL',
    ([a, b], call) => {
      const array = call.args[0]!.type;
      if (b!.startsWith('lambda ')) return `(len(list_filter(${a}, ${b})) > 0)`;
      if (array.kind !== 'ARRAY') throw call.fault('ARRAY_INCLUDES needs an array');
      return `coalesce(list_contains(${a}, CAST(${b} AS ${physicalType(array.element)})), CASE WHEN ${a} IS NOT NULL AND ${b} IS NOT NULL THEN false END)`;
    },
  ]),
  scalar('ARRAY_INCLUDES_ANY', ['ARRAY<T>, ARRAY<T> -> BOOL', 'list_has_any($1, $2)']),
  scalar('ARRAY_INCLUDES_ALL', [
    'ARRAY<T>, ARRAY<T> -> BOOL',
    '(list_has_all($1, $2) AND (len($2) = 0 OR list_position($2, NULL) IS NULL))',
  ]),
  scalar('ARRAY_MIN', ['ARRAY<T> -> T', 'list_min($1)']),
  scalar('ARRAY_MAX', ['ARRAY<T> -> T', 'list_max($1)']),
  numericResult('ARRAY_SUM', 'list_sum'),
  scalar(
    'ARRAY_AVG',
    ['ARRAY<INT64> -> FLOAT64', 'list_avg($1)'],
    ['ARRAY<FLOAT64> -> FLOAT64', 'list_avg($1)'],
    [
      'ARRAY<NUMERIC> -> NUMERIC',
      'gs_numeric_div(CAST(list_sum($1) AS DECIMAL(38,9)), CAST(nullif(len(list_filter($1, lambda gs_e: gs_e IS NOT NULL)), 0) AS DECIMAL(38,9)))',
    ],
  ),
  scalar('ARRAY_IS_DISTINCT', [
    'ARRAY<T> -> BOOL',
    '(len($1) = len(list_distinct($1)) + CASE WHEN list_position($1, NULL) IS NOT NULL THEN 1 ELSE 0 END)',
  ]),
  scalar('ARRAY_DISTINCT', ['ARRAY<T> -> ARRAY<T>', 'list_filter($1, lambda gs_e, gs_i: list_position($1, gs_e) = gs_i)']),
  scalar('ARRAY_FILTER', [
    'ARRAY<ANY>, ANY -> ANY',
    'list_filter($1, $2)',
    ([a, b], { fault }) => {
      if (b!.type.kind !== 'BOOL') throw fault(`The lambda of ARRAY_FILTER must return BOOL, not ${formatType(b!.type)}`);
      return a!.type;
    },
  ]),
  scalar('ARRAY_TRANSFORM', ['ARRAY<ANY>, ANY -> ANY', 'list_transform($1, $2)', ([, b]) => arrayOf(b!.type)]),
  scalar(
    'GENERATE_ARRAY',
    ['INT64, INT64[, INT64] -> ARRAY<INT64>', ([a, b, s]) => `gs_generate_array(${a}, ${b}, ${s ?? '1::BIGINT'})`],
    ['NUMERIC, NUMERIC[, NUMERIC] -> ARRAY<NUMERIC>', ([a, b, s]) => `gs_generate_numeric(${a}, ${b}, ${s ?? 'CAST(1 AS DECIMAL(38,9))'})`],
    ['FLOAT64, FLOAT64[, FLOAT64] -> ARRAY<FLOAT64>', ([a, b, s]) => `gs_generate_float(${a}, ${b}, ${s ?? 'CAST(1 AS DOUBLE)'})`],
  ),
];
