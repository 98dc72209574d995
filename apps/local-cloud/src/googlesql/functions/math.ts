/** Mathematical functions. */
import { type Call, type FunctionSpec, fill, scalar } from './call.ts';

const real = (name: string, emit: string): FunctionSpec => scalar(name, ['FLOAT64 -> FLOAT64', emit]);
/** DuckDB refuses an infinite angle, and the inverse functions of one. */
const finiteOnly = (emit: string): string => `CASE WHEN NOT isfinite($1) THEN CAST('nan' AS DOUBLE) ELSE ${emit} END`;
/** Undefined arguments are an error; NUMERIC goes through FLOAT64 where BigQuery's result is no more exact than that. */
const guarded = (name: string, condition: string, emit: string, numeric?: string): FunctionSpec => {
  const fail = (text: string) => `gs_fail('Floating point error in function: ${name}(' || ${text}($1) || ')')`;
  return scalar(
    name,
    ['FLOAT64 -> FLOAT64', `CASE WHEN ${condition} THEN ${fail('gs_float_text')} ELSE ${emit} END`],
    ...(numeric
      ? ([
          ['NUMERIC -> NUMERIC', `CASE WHEN ${condition} THEN ${fail('gs_numeric_text')} ELSE ${numeric} END`],
          ['BIGNUMERIC -> BIGNUMERIC', `gs_float_bignumeric(${emit.replace('$1', 'gs_bignumeric_float($1)')})`],
        ] as const)
      : []),
  );
};
/** INT64 is rounded as FLOAT64; NUMERIC stays exact. */
const rounding = (name: string, mode: string, float: (d: string) => string): FunctionSpec =>
  scalar(
    name,
    [
      'FLOAT64[, INT64] -> FLOAT64',
      ([x, d]) =>
        float(d ?? '')
          .replaceAll('$x', () => x!)
          .replaceAll('$d', () => d!),
    ],
    ['NUMERIC[, INT64] -> NUMERIC', ([x, d]) => `gs_numeric_round(${x}, ${d ?? '0::BIGINT'}, '${mode}')`],
    ['BIGNUMERIC[, INT64] -> BIGNUMERIC', ([x, d]) => `gs_bignumeric_round(${x}, ${d ?? '0::BIGINT'}, '${mode}')`],
  );

const refuseFloat = (call: Call) => call.fault(`No matching signature for function ${call.name} for argument types: FLOAT64`);
/** DIV and MOD have no FLOAT64 form, and a FLOAT64 literal becomes a NUMERIC only beside one. */
const exact = (emit: string) => (sql: readonly string[], call: Call) => {
  if (call.args.some((a) => typeof a.literal === 'number') && call.args.every((a) => a.literal !== undefined || a.untyped))
    throw refuseFloat(call);
  return fill(emit, sql);
};
const noFloat = (emit: string) => (sql: readonly string[], call: Call) => {
  if (typeof call.args[0]!.literal === 'number') throw refuseFloat(call);
  return fill(emit, sql);
};

export const mathFunctions: readonly FunctionSpec[] = [
  scalar(
    'ABS',
    ['INT64 -> INT64', 'abs($1)'],
    ['FLOAT64 -> FLOAT64', 'abs($1)'],
    ['NUMERIC -> NUMERIC', 'abs($1)'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_abs($1)'],
  ),
  scalar(
    'SIGN',
    ['INT64 -> INT64', 'CAST(sign($1) AS BIGINT)'],
    ['FLOAT64 -> FLOAT64', 'CASE WHEN isnan($1) THEN $1 ELSE CAST(sign($1) AS DOUBLE) END'],
    ['NUMERIC -> NUMERIC', 'CAST(sign($1) AS DECIMAL(38,9))'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_sign($1)'],
  ),
  scalar('IS_INF', ['FLOAT64 -> BOOL', 'isinf($1)']),
  scalar('IS_NAN', ['FLOAT64 -> BOOL', 'isnan($1)']),
  scalar('IEEE_DIVIDE', [
    'FLOAT64, FLOAT64 -> FLOAT64',
    "CASE WHEN $1 IS NULL THEN NULL WHEN $2 = 0 THEN CASE WHEN $1 = 0 OR isnan($1) THEN CAST('nan' AS DOUBLE) WHEN ($1 > 0) = (signbit($2) = false) THEN CAST('inf' AS DOUBLE) ELSE CAST('-inf' AS DOUBLE) END ELSE $1 / $2 END",
  ]),
  scalar('RAND', ['-> FLOAT64', (_, call) => (call.volatile(), 'random()')]),
  scalar(
    'SQRT',
    [
      'FLOAT64 -> FLOAT64',
      "CASE WHEN $1 < 0 THEN gs_fail('Floating point error in function: SQRT(' || gs_float_text($1) || ')') ELSE sqrt($1) END",
    ],
    ['NUMERIC -> NUMERIC', 'gs_numeric_sqrt($1)'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_sqrt($1)'],
  ),
  real('CBRT', 'cbrt($1)'),
  guarded('EXP', '$1 > 709.782712893384 AND isfinite(CAST($1 AS DOUBLE))', 'exp($1)', "gs_numeric_float_fn('exp', $1, $1)"),
  guarded('LN', '$1 <= 0', 'ln($1)', "gs_numeric_float_fn('ln', $1, $1)"),
  guarded('LOG10', '$1 <= 0', 'log10($1)', "gs_numeric_float_fn('log10', $1, $1)"),
  scalar(
    'LOG',
    [
      'FLOAT64[, FLOAT64] -> FLOAT64',
      ([x, b]) =>
        b
          ? `CASE WHEN ${x} <= 0 OR ${b} <= 0 OR ${b} = 1 THEN gs_fail('Floating point error in function: LOG(' || gs_float_text(${x}) || ', ' || gs_float_text(${b}) || ')') ELSE ln(${x}) / ln(${b}) END`
          : `CASE WHEN ${x} <= 0 THEN gs_fail('Floating point error in function: LOG(' || gs_float_text(${x}) || ')') ELSE ln(${x}) END`,
    ],
    ['NUMERIC[, NUMERIC] -> NUMERIC', ([x, b]) => (b ? `gs_numeric_float_fn('log', ${x}, ${b})` : `gs_numeric_float_fn('ln', ${x}, ${x})`)],
  ),
  ...['POW', 'POWER'].map((name) =>
    scalar(
      name,
      ['FLOAT64, FLOAT64 -> FLOAT64', 'gs_float_pow($1, $2)'],
      ['NUMERIC, NUMERIC -> NUMERIC', "gs_numeric_float_fn('pow', $1, $2)"],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_pow($1, $2)'],
    ),
  ),
  scalar('GREATEST', [
    'T, T... -> T',
    (sql) => `CASE WHEN ${sql.map((s) => `${s} IS NULL`).join(' OR ')} THEN NULL ELSE greatest(${sql.join(', ')}) END`,
  ]),
  scalar('LEAST', [
    'T, T... -> T',
    (sql, { args, result }) => {
      const unsure = result.kind === 'FLOAT64' ? sql.filter((_, i) => args[i]!.literal === undefined) : [];
      const nan = unsure.length > 0 ? ` WHEN ${unsure.map((s) => `isnan(${s})`).join(' OR ')} THEN CAST('nan' AS DOUBLE)` : '';
      return `CASE WHEN ${sql.map((s) => `${s} IS NULL`).join(' OR ')} THEN NULL${nan} ELSE least(${sql.join(', ')}) END`;
    },
  ]),
  scalar(
    'DIV',
    ['INT64, INT64 -> INT64', 'gs_int_div($1, $2)'],
    ['NUMERIC, NUMERIC -> NUMERIC', exact('gs_numeric_intdiv($1, $2)')],
    ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_intdiv($1, $2)'],
  ),
  scalar(
    'MOD',
    ['INT64, INT64 -> INT64', 'gs_int_mod($1, $2)'],
    ['NUMERIC, NUMERIC -> NUMERIC', exact('gs_numeric_mod($1, $2)')],
    ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_mod($1, $2)'],
  ),
  scalar(
    'SAFE_DIVIDE',
    ['FLOAT64, FLOAT64 -> FLOAT64', 'CASE WHEN $2 = 0 THEN NULL ELSE gs_finite($1 / $2, $1, $2) END'],
    ['NUMERIC, NUMERIC -> NUMERIC', 'TRY(gs_numeric_div($1, $2))'],
    ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', 'TRY(gs_bignumeric_div($1, $2))'],
  ),
  ...(
    [
      ['SAFE_ADD', '+', '($1 + $2)'],
      ['SAFE_SUBTRACT', '-', '($1 - $2)'],
      ['SAFE_MULTIPLY', '*', '($1 * $2)'],
    ] as const
  ).map(([name, op, emit]) =>
    scalar(
      name,
      ['INT64, INT64 -> INT64', `TRY(${emit})`],
      ['FLOAT64, FLOAT64 -> FLOAT64', `gs_finite(${emit}, $1, $2)`],
      ['NUMERIC, NUMERIC -> NUMERIC', op === '*' ? 'TRY(gs_numeric_mul($1, $2))' : `TRY(${emit})`],
      ['BIGNUMERIC, BIGNUMERIC -> BIGNUMERIC', op === '*' ? 'TRY(gs_bignumeric_mul($1, $2))' : `TRY(gs_bignumeric_check(${emit}))`],
    ),
  ),
  scalar(
    'SAFE_NEGATE',
    ['INT64 -> INT64', 'TRY(-$1)'],
    ['FLOAT64 -> FLOAT64', '(-$1)'],
    ['NUMERIC -> NUMERIC', '(-$1)'],
    ['BIGNUMERIC -> BIGNUMERIC', 'gs_bignumeric_neg($1)'],
  ),
  scalar(
    'ROUND',
    ['FLOAT64 -> FLOAT64', 'round($1)'],
    ['NUMERIC -> NUMERIC', "gs_numeric_round($1, 0::BIGINT, 'half')"],
    ['BIGNUMERIC -> BIGNUMERIC', "gs_bignumeric_round($1, 0::BIGINT, 'half')"],
    ['FLOAT64, INT64 -> FLOAT64', 'gs_float_round($1, $2)'],
    ['NUMERIC, INT64 -> NUMERIC', "gs_numeric_round($1, $2, 'half')"],
    ['BIGNUMERIC, INT64 -> BIGNUMERIC', "gs_bignumeric_round($1, $2, 'half')"],
    ['NUMERIC, INT64, STRING -> NUMERIC', noFloat('gs_numeric_round($1, $2, $3)')],
    ['BIGNUMERIC, INT64, STRING -> BIGNUMERIC', 'gs_bignumeric_round($1, $2, $3)'],
  ),
  rounding('TRUNC', 'trunc', (d) => (d ? 'gs_float_trunc($x, $d)' : 'trunc($x)')),
  ...(['CEIL', 'CEILING'] as const).map((n) =>
    scalar(
      n,
      ['FLOAT64 -> FLOAT64', 'ceil($1)'],
      ['NUMERIC -> NUMERIC', "gs_numeric_round($1, 0::BIGINT, 'ceil')"],
      ['BIGNUMERIC -> BIGNUMERIC', "gs_bignumeric_round($1, 0::BIGINT, 'ceil')"],
    ),
  ),
  scalar(
    'FLOOR',
    ['FLOAT64 -> FLOAT64', 'floor($1)'],
    ['NUMERIC -> NUMERIC', "gs_numeric_round($1, 0::BIGINT, 'floor')"],
    ['BIGNUMERIC -> BIGNUMERIC', "gs_bignumeric_round($1, 0::BIGINT, 'floor')"],
  ),
  ...['ATAN', 'TANH', 'ASINH'].map((n) => real(n, `${n.toLowerCase()}($1)`)),
  ...['SINH', 'COSH'].map((n) => guarded(n, `isinf(${n.toLowerCase()}($1)) AND NOT isinf($1)`, `${n.toLowerCase()}($1)`)),
  ...['COS', 'SIN', 'TAN'].map((n) => real(n, finiteOnly(`${n.toLowerCase()}($1)`))),
  ...['ACOS', 'ASIN'].map((n) => guarded(n, 'abs($1) > 1 AND isfinite($1)', finiteOnly(`${n.toLowerCase()}($1)`))),
  guarded('ACOSH', '$1 < 1', 'acosh($1)'),
  guarded('ATANH', 'abs($1) >= 1 AND isfinite($1)', finiteOnly('atanh($1)')),
  scalar('ATAN2', ['FLOAT64, FLOAT64 -> FLOAT64', 'atan2($1, $2)']),
  real('SEC', finiteOnly('(1 / cos($1))')),
  guarded('CSC', '$1 = 0', finiteOnly('(1 / sin($1))')),
  guarded('COT', '$1 = 0', finiteOnly('(1 / tan($1))')),
  real('SECH', '(1 / cosh($1))'),
  guarded('CSCH', '$1 = 0', '(1 / sinh($1))'),
  guarded('COTH', '$1 = 0', '(1 / tanh($1))'),
  scalar('RANGE_BUCKET', [
    'T, ARRAY<T> -> INT64',
    "CASE WHEN $1 IS NULL THEN NULL WHEN len(list_filter($2, lambda gs_b, gs_i: gs_i > 1 AND (gs_b < ($2)[gs_i - 1] OR ($2)[gs_i - 1] IS NULL)  OR gs_b IS NULL)) > 0 THEN gs_fail('Elements in input array to RANGE_BUCKET must be in ascending order and not NULL') ELSE CAST(len(list_filter($2, lambda gs_b: gs_b <= $1)) AS BIGINT) END",
  ]),
  scalar(
    'BIT_COUNT',
    ['INT64 -> INT64', 'CAST(bit_count($1) AS BIGINT)'],
    [
      'BYTES -> INT64',
      "CASE WHEN octet_length($1) = 0 THEN 0 ELSE CAST(length(replace(CAST(CAST($1 AS BIT) AS VARCHAR), '0', '')) AS BIGINT) END",
    ],
  ),
  scalar('COSINE_DISTANCE', ['ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64', '(1 - list_cosine_similarity($1, $2))']),
  scalar('EUCLIDEAN_DISTANCE', ['ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64', 'list_distance($1, $2)']),
];
