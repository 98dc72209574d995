/** DuckDB macros: what SQL can express itself stays in SQL, where it is fastest. Run once per database; idempotent. */
const macro = (signature: string, body: string): string => `CREATE OR REPLACE MACRO ${signature} AS ${body}`;

export const prelude: readonly string[] = [
  "SET GLOBAL TimeZone = 'UTC'",
  // An element of [NULL] has no type of its own, so that it fits any branch of CASE. DuckDB's error() is volatile and could not stand under TRY.
  macro('gs_fail(message)', 'list_extract([NULL], gs_raise(message))'),
  // Numbers
  macro(
    'gs_float_div(a, b)',
    "CASE WHEN b = 0 THEN gs_fail('division by zero: ' || gs_float_text(a) || ' / ' || gs_float_text(b)) WHEN isinf(a / b) AND isfinite(a) THEN gs_fail('double overflow: ' || gs_float_text(a) || ' / ' || gs_float_text(b)) ELSE a / b END",
  ),
  macro(
    'gs_float_pow(a, b)',
    "CASE WHEN (a < 0 AND b <> trunc(b) AND isfinite(b)) OR (a = 0 AND b < 0) OR (isfinite(a) AND isfinite(b) AND isinf(pow(a, b))) THEN gs_fail('Floating point error in function: POW(' || gs_float_text(a) || ', ' || gs_float_text(b) || ')') ELSE pow(a, b) END",
  ),
  // NULL for an infinity that comes of finite numbers.
  macro('gs_finite(x, a, b)', 'CASE WHEN isinf(x) AND isfinite(a) AND isfinite(b) THEN NULL ELSE x END'),
  macro('gs_float_min(nan, x)', "CASE WHEN nan THEN CAST('nan' AS DOUBLE) ELSE x END"),
  macro('gs_numeric_sum(s)', "CASE WHEN abs(s) > 99999999999999999999999999999.999999999 THEN gs_fail('numeric overflow: SUM') ELSE s END"),
  macro('gs_int_div(a, b)', "CASE WHEN b = 0 THEN gs_fail('division by zero: ' || a || ' / ' || b) WHEN b = -1 THEN -a ELSE a // b END"),
  macro(
    'gs_int_mod(a, b)',
    "CASE WHEN b = 0 THEN gs_fail('division by zero: MOD(' || a || ', ' || b || ')') WHEN b = -1 THEN a & 0 ELSE a % b END",
  ),
  macro('gs_floor(a, n)', '((a - ((a % n + n) % n)) // n)'),
  macro(
    'gs_float_int(x)',
    "CASE WHEN isnan(x) OR abs(x) >= 9223372036854775808 THEN gs_fail(CASE WHEN isfinite(x) THEN 'int64 out of range: ' ELSE 'Illegal conversion of non-finite floating point number to an integer: ' END || gs_float_text(x)) ELSE CAST(round(x) AS BIGINT) END",
  ),
  macro('gs_float_numeric(x)', 'CASE WHEN abs(x) < 4000000 THEN CAST(x AS DECIMAL(38,9)) ELSE gs_float_numeric_slow(x) END'),
  macro('gs_text_int(s)', "CASE WHEN regexp_full_match(s, '[+-]?[0-9]{1,18}') THEN CAST(s AS BIGINT) ELSE gs_text_int_slow(s) END"),
  macro(
    'gs_text_numeric(s)',
    "CASE WHEN regexp_full_match(s, '[+-]?[0-9]{1,20}([.][0-9]{1,9})?') THEN CAST(s AS DECIMAL(38,9)) ELSE gs_text_numeric_slow(s) END",
  ),
  macro('gs_upper(s)', 'CASE WHEN strlen(s) = length(s) THEN upper(s) ELSE gs_upper_slow(s) END'),
  macro('gs_lower(s)', 'CASE WHEN strlen(s) = length(s) THEN lower(s) ELSE gs_lower_slow(s) END'),
  macro('gs_text_bool(s)', "CASE lower(trim(s)) WHEN 'true' THEN true WHEN 'false' THEN false ELSE gs_fail('Bad bool value: ' || s) END"),
  macro(
    'gs_wrap(u)',
    'CAST(CASE WHEN u >= 9223372036854775808 THEN CAST(u AS HUGEINT) - 18446744073709551616 ELSE CAST(u AS HUGEINT) END AS BIGINT)',
  ),
  macro(
    'gs_shift_left(a, n)',
    "CASE WHEN n < 0 THEN gs_fail('Bitwise shift by negative amount: ' || n) WHEN n >= 64 THEN 0 ELSE gs_wrap((CAST(CASE WHEN a < 0 THEN CAST(a AS HUGEINT) + 18446744073709551616 ELSE CAST(a AS HUGEINT) END AS UHUGEINT) * CAST(pow(2, n) AS UHUGEINT)) & 18446744073709551615) END",
  ),
  macro(
    'gs_shift_right(a, n)',
    "CASE WHEN n < 0 THEN gs_fail('Bitwise shift by negative amount: ' || n) WHEN n >= 64 THEN 0 WHEN n = 0 THEN a WHEN a >= 0 THEN a >> CAST(n AS BIGINT) ELSE CAST((CAST(a AS HUGEINT) + 18446744073709551616) // CAST(pow(2, n) AS HUGEINT) AS BIGINT) END",
  ),
  // Arrays
  macro(
    'gs_position(p, n, shown)',
    "CASE WHEN p < 1 THEN gs_fail('Array index ' || shown || ' is out of bounds (underflow)') WHEN p > n THEN gs_fail('Array index ' || shown || ' is out of bounds (overflow)') ELSE p END",
  ),
  macro('gs_array_concat(a, b)', 'CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE list_concat(a, b) END'),
  macro(
    'gs_in_array(x, a)',
    'CASE WHEN a IS NULL OR len(a) = 0 THEN false WHEN x IS NULL THEN NULL WHEN list_contains(a, x) THEN true WHEN list_position(a, NULL) IS NOT NULL THEN NULL ELSE false END',
  ),
  macro(
    'gs_array_slice(a, x, y)',
    'CASE WHEN x IS NULL OR y IS NULL THEN NULL ELSE a[CASE WHEN x < 0 THEN greatest(len(a) + x, 0) + 1 ELSE x + 1 END : CASE WHEN y < 0 THEN CASE WHEN len(a) + y < 0 THEN 0 ELSE len(a) + y + 1 END ELSE y + 1 END] END',
  ),
  macro(
    'gs_generate_array(a, b, s)',
    "CASE WHEN s = 0 THEN gs_fail('Sequence step cannot be 0.') WHEN (b - a) // s >= 1048575 THEN gs_fail('Cannot produce an array with more than 1048575 elements') ELSE generate_series(a, b, s) END",
  ),
  macro(
    'gs_generate_float(a, b, s)',
    "CASE WHEN s = 0 THEN gs_fail('Sequence step cannot be 0.') WHEN (b - a) / s < 0 THEN CAST([] AS DOUBLE[]) ELSE list_transform(range(CAST(floor((b - a) / s) AS BIGINT) + 1), lambda gs_i: a + gs_i * s) END",
  ),
  macro(
    'gs_generate_numeric(a, b, s)',
    "CASE WHEN s = 0 THEN gs_fail('Sequence step cannot be 0.') WHEN (b - a) < 0 AND s > 0 OR (b - a) > 0 AND s < 0 THEN CAST([] AS DECIMAL(38,9)[]) ELSE list_transform(range(CAST(trunc(gs_numeric_div(b - a, s)) AS BIGINT) + 1), lambda gs_i: CAST(a + gs_numeric_mul(CAST(gs_i AS DECIMAL(38,9)), s) AS DECIMAL(38,9))) END",
  ),
  ...(['max', 'min'] as const).map((most) =>
    macro(
      `gs_having_${most}(l)`,
      `list_transform([list_${most}(list_transform(l, lambda gs_e: gs_e.k))], lambda gs_m: list_transform(list_filter(l, lambda gs_e: gs_e.k = gs_m), lambda gs_e: gs_e.v))[1]`,
    ),
  ),
  macro(
    'gs_quantiles(l, n)',
    'CASE WHEN len(list_filter(l, lambda gs_e: gs_e IS NOT NULL)) = 0 THEN NULL ELSE list_transform([list_sort(list_filter(l, lambda gs_e: gs_e IS NOT NULL))], lambda gs_k: list_transform(range(n + 1), lambda gs_i: gs_k[CAST(least(floor(gs_i * len(gs_k) / n), len(gs_k) - 1) AS BIGINT) + 1]))[1] END',
  ),
  // With NULLs as the lowest values; between NULL and a number stands the number.
  macro(
    'gs_percentile_cont(l, p)',
    "list_transform([list_sort(l, 'ASC', 'NULLS FIRST')], lambda gs_k: list_transform([struct_pack(a := gs_k[CAST(floor(p * (len(gs_k) - 1)) AS BIGINT) + 1], b := gs_k[CAST(ceil(p * (len(gs_k) - 1)) AS BIGINT) + 1], f := p * (len(gs_k) - 1) - floor(p * (len(gs_k) - 1)))], lambda gs_e: CASE WHEN gs_e.f = 0 THEN gs_e.a WHEN gs_e.a IS NULL THEN gs_e.b ELSE gs_e.a + (gs_e.b - gs_e.a) * gs_e.f END)[1])[1]",
  ),
  macro(
    'gs_percentile_disc(l, p)',
    "list_transform([list_sort(l, 'ASC', 'NULLS FIRST')], lambda gs_k: gs_k[greatest(CAST(ceil(p * len(gs_k)) AS BIGINT), 1)])[1]",
  ),
  macro(
    'gs_top_count(l, n)',
    '(SELECT list(struct_pack("value" := gs_v, "count" := gs_c) ORDER BY gs_c DESC) FROM (SELECT gs_v, count(*) AS gs_c FROM (SELECT unnest(l) AS gs_v) GROUP BY gs_v ORDER BY gs_c DESC LIMIT n))',
  ),
  macro(
    'gs_top_sum(l, n)',
    '(SELECT list(struct_pack("value" := gs_v, "sum" := gs_c) ORDER BY gs_c DESC) FROM (SELECT struct_extract(gs_u, \'v\') AS gs_v, CAST(sum(struct_extract(gs_u, \'w\')) AS BIGINT) AS gs_c FROM (SELECT unnest(l) AS gs_u) GROUP BY gs_v ORDER BY gs_c DESC NULLS LAST LIMIT n))',
  ),
  // Text
  macro(
    'gs_blanks()',
    "(' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(133) || chr(160) || chr(5760) || chr(8192) || chr(8193) || chr(8194) || chr(8195) || chr(8196) || chr(8197) || chr(8198) || chr(8199) || chr(8200) || chr(8201) || chr(8202) || chr(8232) || chr(8233) || chr(8239) || chr(8287) || chr(12288))",
  ),
  macro(
    'gs_pad_check(s, n, p, r)',
    "CASE WHEN s IS NULL OR n IS NULL OR p IS NULL THEN NULL WHEN n < 0 THEN gs_fail('Second argument (output size) for LPAD/RPAD cannot be negative') WHEN n > 1048576 THEN gs_fail('Output of LPAD/RPAD exceeds max allowed output size of 1MB') WHEN p = '' THEN gs_fail('Third argument (pad pattern) for LPAD/RPAD cannot be empty') ELSE r END",
  ),
  macro('gs_text_reverse(s)', "array_to_string(list_reverse(regexp_extract_all(s, '(?s).')), '')"),
  macro(
    'gs_split(s, d)',
    "CASE WHEN s IS NULL OR d IS NULL THEN NULL WHEN s = '' THEN [s] WHEN d = '' THEN regexp_extract_all(s, '(?s).') ELSE string_split(s, d) END",
  ),
  macro(
    'gs_substr(s, p)',
    'CASE WHEN p > 0 THEN substring(s, p) WHEN p = 0 OR -p >= length(s) THEN s ELSE substring(s, length(s) + p + 1) END',
  ),
  macro(
    'gs_substr_n(s, p, n)',
    "CASE WHEN p IS NULL OR s IS NULL THEN NULL WHEN n < 0 THEN gs_fail('Third argument in SUBSTR() cannot be negative') WHEN p > 0 THEN substring(s, p, n) WHEN p = 0 OR -p > length(s) THEN substring(s, 1, n) ELSE substring(s, length(s) + p + 1, n) END",
  ),
  macro('gs_without_end(s, re, l)', "CASE WHEN s <> '' AND l[-1] = '' AND regexp_matches('', re) THEN l[:-2] ELSE l END"),
  macro(
    'gs_regexp_nth(s, re, g, p, n)',
    "CASE WHEN s IS NULL OR re IS NULL OR p IS NULL OR n IS NULL THEN NULL WHEN p < 1 THEN gs_fail('Invalid position for REGEXP_EXTRACT: ' || p) WHEN n < 1 THEN gs_fail('Invalid occurrence for REGEXP_EXTRACT: ' || n) WHEN p > length(s) + 1 THEN NULL ELSE list_extract(regexp_extract_all(substring(s, p), re, g), n) END",
  ),
  macro(
    'gs_instr_at(s, re, g, n, e)',
    "length(regexp_extract(s, '(?s)^((?:.*?(?-s:' || re || ')){' || (n - 1) || '}.*?)(?-s:' || re || ')', 1)) + CASE WHEN g = 1 THEN strpos(list_extract(regexp_extract_all(s, re, 0), n), list_extract(regexp_extract_all(s, re, g), n)) ELSE 1 END + CASE WHEN e = 1 THEN length(list_extract(regexp_extract_all(s, re, g), n)) ELSE 0 END",
  ),
  macro(
    'gs_regexp_instr(s, re, g, p, n, e)',
    "CASE WHEN s IS NULL OR re IS NULL OR p IS NULL OR n IS NULL OR e IS NULL THEN NULL WHEN e NOT IN (0, 1) THEN gs_fail('Invalid return_position_after_match: ' || e) WHEN p < 1 THEN gs_fail('Invalid position for REGEXP_INSTR: ' || p) WHEN n < 1 THEN gs_fail('Invalid occurrence for REGEXP_INSTR: ' || n) WHEN p > length(s) OR len(regexp_extract_all(substring(s, p), re, g)) < n THEN 0 ELSE coalesce(gs_instr_at(substring(s, p), re, g, n, e) + p - 1, 0) END",
  ),
  // Dates and times
  macro(
    'gs_date_plus(d, n)',
    "CAST(CASE WHEN abs(n) > 4000000 OR CAST(d + CAST(n AS INTEGER) AS DATE) NOT BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN gs_fail('Adding ' || n || ' days to date ' || d || ' causes overflow') ELSE d + CAST(n AS INTEGER) END AS DATE)",
  ),
  macro(
    'gs_timestamp_plus(t, i)',
    "CASE WHEN t + i < TIMESTAMPTZ '0001-01-01 00:00:00+00' OR t + i >= TIMESTAMPTZ '10000-01-01 00:00:00+00' THEN gs_fail('Adding an interval to timestamp ' || CAST(t AS VARCHAR) || ' causes overflow') ELSE t + i END",
  ),
  macro(
    'gs_timestamp_move(t, i)',
    "CASE WHEN datepart('year', i) <> 0 OR datepart('month', i) <> 0 THEN gs_fail('TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH or YEAR part.') ELSE gs_timestamp_plus(t, i) END",
  ),
  macro(
    'gs_range_array(r, i, last)',
    `list_transform([list_filter(generate_series(CAST(r."start" AS TIMESTAMP), CAST(r."end" AS TIMESTAMP), i), lambda gs_d: gs_d < r."end")], lambda gs_l: list_filter(list_transform(range(1, len(gs_l) + 1), lambda gs_k: struct_pack("start" := gs_l[gs_k], "end" := coalesce(gs_l[gs_k + 1], CASE WHEN last OR gs_l[gs_k] + i <= r."end" THEN CAST(r."end" AS TIMESTAMP) END))), lambda gs_e: gs_e."end" IS NOT NULL))[1]`,
  ),
  macro(
    'gs_datetime_check(t)',
    "CASE WHEN t < TIMESTAMP '0001-01-01 00:00:00' OR t >= TIMESTAMP '10000-01-01 00:00:00' THEN gs_fail('Datetime out of range') ELSE t END",
  ),
  macro(
    'gs_timestamp_micros(n)',
    "CASE WHEN n NOT BETWEEN -62135596800000000 AND 253402300799999999 THEN gs_fail('Timestamp out of range: ' || n || ' microseconds') ELSE make_timestamptz(n) END",
  ),
  macro('gs_time_trunc(t, n)', 'make_time(0, 0, 0) + to_microseconds((epoch_us(t) // n) * n)'),
  macro('gs_timestamp_trunc(t, n)', 'make_timestamptz(gs_floor(epoch_us(t), n) * n)'),
  macro('gs_iso_year_start(d)', '(make_date(isoyear(d), 1, 4) - CAST((dayofweek(make_date(isoyear(d), 1, 4)) + 6) % 7 AS INTEGER))'),
  macro(
    'gs_make_date(y, m, d)',
    "CASE WHEN y NOT BETWEEN 1 AND 9999 OR m NOT BETWEEN 1 AND 12 OR d NOT BETWEEN 1 AND 31 THEN gs_fail('Input calculates to invalid date: ' || y || '-' || m || '-' || d) ELSE coalesce(TRY(make_date(y, m, d)), CAST(gs_fail('Input calculates to invalid date: ' || y || '-' || m || '-' || d) AS DATE)) END",
  ),
  macro(
    'gs_make_time(h, m, s)',
    "CASE WHEN h NOT BETWEEN 0 AND 23 OR m NOT BETWEEN 0 AND 59 OR s NOT BETWEEN 0 AND 59 THEN gs_fail('Input calculates to invalid time: ' || h || ':' || m || ':' || s) ELSE make_time(h, m, CAST(s AS DOUBLE)) END",
  ),
  macro('gs_zone_suffix(z)', "CASE WHEN ends_with(z, ':00') THEN left(z, 3) ELSE z END"),
  macro('gs_timestamp_text(t, z)', "gs_datetime_text(gs_zone_local(t, z)) || gs_zone_suffix(gs_format_timestamp('%Ez', t, z))"),
  macro('gs_interval_micros(i)', "(datepart('hour', i) * 3600000000 + datepart('minute', i) * 60000000 + datepart('microsecond', i))"),
  macro('gs_interval_months(i)', "(datepart('year', i) * 12 + datepart('month', i))"),
  macro(
    'gs_bucket_width(i, months, times)',
    "CASE WHEN NOT months AND gs_interval_months(i) <> 0 THEN gs_fail('Bucket width INTERVAL with non-zero MONTH part is not allowed') WHEN NOT times AND gs_interval_micros(i) <> 0 THEN gs_fail('Only MONTH and DAY parts are allowed in bucket width INTERVAL') WHEN CAST(gs_interval_months(i) <> 0 AS INTEGER) + CAST(datepart('day', i) <> 0 AS INTEGER) + CAST(gs_interval_micros(i) <> 0 AS INTEGER) <> 1 THEN gs_fail('Exactly one non-zero INTERVAL part in bucket width is required') WHEN i < INTERVAL 0 DAY THEN gs_fail('Negative bucket width INTERVAL is not allowed') ELSE i END",
  ),
  macro(
    'gs_generate_dates(a, b, i)',
    "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN i = INTERVAL 0 DAY THEN gs_fail('Sequence step cannot be 0.') ELSE list_transform(generate_series(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), i), lambda gs_d: CAST(gs_d AS DATE)) END",
  ),
  macro(
    'gs_generate_timestamps(a, b, i)',
    "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN i = INTERVAL 0 DAY THEN gs_fail('Sequence step cannot be 0.') ELSE generate_series(a, b, i) END",
  ),
];
