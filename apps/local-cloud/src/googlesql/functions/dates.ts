import { type Call, type FunctionSpec, scalar } from './call.ts';
import { addSub, dateDiff, datetimeDiff, spanDiff, step, timeDiff } from './date-arithmetic.ts';
import { extract, extractResult } from './date-extract.ts';
import { format } from './date-format.ts';
import { instant, local, UTC } from './date-parts.ts';
import { lastDay, trunc } from './date-trunc.ts';

const now = (call: Call) => call.context('now');

const current = (name: string, result: string, pick: (wall: string) => string): FunctionSpec =>
  scalar(name, [`[STRING] -> ${result}`, (_, call) => pick(local(now(call), call, 0))]);

const withPart = (spec: FunctionSpec, part: number): FunctionSpec => ({ ...spec, part });

export const dateFunctions: readonly FunctionSpec[] = [
  scalar(
    'EXTRACT',
    ['STRING, DATE -> INT64', extract('DATE'), extractResult],
    ['STRING, TIMESTAMP[, STRING] -> INT64', extract('TIMESTAMP'), extractResult],
    ['STRING, DATETIME -> INT64', extract('DATETIME'), extractResult],
    ['STRING, TIME -> INT64', extract('TIME'), extractResult],
    ['STRING, INTERVAL -> INT64', extract('INTERVAL'), extractResult],
  ),
  ...addSub('DATE', 'DATE'),
  ...addSub('DATETIME', 'DATETIME'),
  ...addSub('TIMESTAMP', 'TIMESTAMP'),
  ...addSub('TIME', 'TIME'),
  withPart(
    scalar(
      'DATE_DIFF',
      ['DATE, DATE, STRING -> INT64', dateDiff],
      ['DATETIME, DATETIME, STRING -> INT64', datetimeDiff],
      ['TIMESTAMP, TIMESTAMP, STRING -> INT64', spanDiff],
    ),
    2,
  ),
  withPart(scalar('DATETIME_DIFF', ['DATETIME, DATETIME, STRING -> INT64', datetimeDiff]), 2),
  withPart(
    scalar('TIMESTAMP_DIFF', ['TIMESTAMP, TIMESTAMP, STRING -> INT64', spanDiff], ['DATETIME, DATETIME, STRING -> INT64', datetimeDiff]),
    2,
  ),
  withPart(scalar('TIME_DIFF', ['TIME, TIME, STRING -> INT64', timeDiff]), 2),
  withPart(
    scalar(
      'DATE_TRUNC',
      ['DATE, STRING -> DATE', trunc('DATE')],
      ['DATETIME, STRING -> DATETIME', trunc('DATETIME')],
      ['TIMESTAMP, STRING[, STRING] -> TIMESTAMP', trunc('TIMESTAMP')],
    ),
    1,
  ),
  withPart(scalar('DATETIME_TRUNC', ['DATETIME, STRING -> DATETIME', trunc('DATETIME')]), 1),
  withPart(
    scalar(
      'TIMESTAMP_TRUNC',
      ['TIMESTAMP, STRING[, STRING] -> TIMESTAMP', trunc('TIMESTAMP')],
      ['DATETIME, STRING -> DATETIME', trunc('DATETIME')],
    ),
    1,
  ),
  withPart(scalar('TIME_TRUNC', ['TIME, STRING -> TIME', trunc('TIME')]), 1),
  withPart(scalar('LAST_DAY', ['DATE[, STRING] -> DATE', lastDay], ['DATETIME[, STRING] -> DATE', lastDay]), 1),
  scalar(
    'DATE',
    ['INT64, INT64, INT64 -> DATE', 'gs_make_date($1, $2, $3)'],
    ['DATE -> DATE', '$1'],
    ['DATETIME -> DATE', 'CAST($1 AS DATE)'],
    ['TIMESTAMP[, STRING] -> DATE', ([x], call) => `CAST(${local(x!, call, 1)} AS DATE)`],
    ['STRING -> DATE', 'gs_text_date($1)'],
  ),
  scalar(
    'DATETIME',
    ['INT64, INT64, INT64, INT64, INT64, INT64 -> DATETIME', '(gs_make_date($1, $2, $3) + gs_make_time($4, $5, $6))'],
    ['DATETIME -> DATETIME', '$1'],
    ['DATE, TIME -> DATETIME', '($1 + $2)'],
    ['DATE -> DATETIME', 'CAST($1 AS TIMESTAMP)'],
    ['TIMESTAMP[, STRING] -> DATETIME', ([x], call) => local(x!, call, 1)],
    ['STRING -> DATETIME', 'gs_text_datetime($1)'],
  ),
  scalar(
    'TIME',
    ['INT64, INT64, INT64 -> TIME', 'gs_make_time($1, $2, $3)'],
    ['TIME -> TIME', '$1'],
    ['DATETIME -> TIME', 'CAST($1 AS TIME)'],
    ['TIMESTAMP[, STRING] -> TIME', ([x], call) => `CAST(${local(x!, call, 1)} AS TIME)`],
  ),
  scalar(
    'TIMESTAMP',
    ['STRING[, STRING] -> TIMESTAMP', ([x, z]) => `gs_text_timestamp(${x}, ${z ?? UTC})`],
    ['DATE[, STRING] -> TIMESTAMP', ([x], call) => instant(`CAST(${x} AS TIMESTAMP)`, call, 1)],
    ['DATETIME[, STRING] -> TIMESTAMP', ([x], call) => instant(x!, call, 1)],
    ['TIMESTAMP -> TIMESTAMP', '$1'],
  ),
  scalar(
    'STRING',
    [
      'TIMESTAMP[, STRING] -> STRING',
      ([x, z]) => (z ? `gs_timestamp_text(${x}, ${z})` : `(gs_datetime_text(${x} AT TIME ZONE ${UTC}) || '+00')`),
    ],
    ['DATE -> STRING', 'gs_date_text($1)'],
    ['TIME -> STRING', 'gs_time_text($1)'],
    ['DATETIME -> STRING', 'gs_datetime_text($1)'],
    ['JSON -> STRING', 'gs_json_string($1)'],
  ),
  current('CURRENT_DATE', 'DATE', (wall) => `CAST(${wall} AS DATE)`),
  current('CURRENT_DATETIME', 'DATETIME', (wall) => wall),
  current('CURRENT_TIME', 'TIME', (wall) => `CAST(${wall} AS TIME)`),
  scalar('CURRENT_TIMESTAMP', ['-> TIMESTAMP', (_, call) => now(call)]),
  scalar('UNIX_DATE', ['DATE -> INT64', "CAST(($1 - DATE '1970-01-01') AS BIGINT)"]),
  scalar('DATE_FROM_UNIX_DATE', ['INT64 -> DATE', "gs_date_plus(DATE '1970-01-01', $1)"]),
  scalar('UNIX_SECONDS', ['TIMESTAMP -> INT64', 'gs_floor(epoch_us($1), 1000000)']),
  scalar('UNIX_MILLIS', ['TIMESTAMP -> INT64', 'gs_floor(epoch_us($1), 1000)']),
  scalar('UNIX_MICROS', ['TIMESTAMP -> INT64', 'epoch_us($1)']),
  ...(['TIMESTAMP_SECONDS', 'TIMESTAMP_FROM_UNIX_SECONDS'] as const).map((n) =>
    scalar(n, ['INT64 -> TIMESTAMP', 'make_timestamptz($1 * 1000000)']),
  ),
  ...(['TIMESTAMP_MILLIS', 'TIMESTAMP_FROM_UNIX_MILLIS'] as const).map((n) =>
    scalar(n, ['INT64 -> TIMESTAMP', 'make_timestamptz($1 * 1000)']),
  ),
  ...(['TIMESTAMP_MICROS', 'TIMESTAMP_FROM_UNIX_MICROS'] as const).map((n) => scalar(n, ['INT64 -> TIMESTAMP', 'gs_timestamp_micros($1)'])),
  scalar(
    'FORMAT_DATE',
    ['STRING, DATE -> STRING', format('gs_format_date', false)],
    ['STRING, DATETIME -> STRING', format('gs_format_datetime', true)],
    ['STRING, TIMESTAMP -> STRING', format('gs_format_timestamp', true)],
  ),
  scalar('FORMAT_TIME', ['STRING, TIME -> STRING', 'gs_format_time($1, $2)']),
  scalar('FORMAT_DATETIME', ['STRING, DATETIME -> STRING', format('gs_format_datetime', true)]),
  scalar('FORMAT_TIMESTAMP', ['STRING, TIMESTAMP[, STRING] -> STRING', format('gs_format_timestamp', true)]),
  scalar('PARSE_DATE', ['STRING, STRING -> DATE', 'gs_parse_date($1, $2)']),
  scalar('PARSE_TIME', ['STRING, STRING -> TIME', 'gs_parse_time($1, $2)']),
  scalar('PARSE_DATETIME', ['STRING, STRING -> DATETIME', 'gs_parse_datetime($1, $2)']),
  scalar('PARSE_TIMESTAMP', ['STRING, STRING[, STRING] -> TIMESTAMP', ([f, x, z]) => `gs_parse_timestamp(${f}, ${x}, ${z ?? UTC})`]),
  scalar('GENERATE_DATE_ARRAY', ['DATE, DATE[, INTERVAL] -> ARRAY<DATE>', ([a, b], call) => step(a!, b!, call, 2, 'DATE')]),
  scalar('GENERATE_TIMESTAMP_ARRAY', [
    'TIMESTAMP, TIMESTAMP, INTERVAL -> ARRAY<TIMESTAMP>',
    ([a, b], call) => step(a!, b!, call, 2, 'TIMESTAMP'),
  ]),
  scalar('JUSTIFY_HOURS', ['INTERVAL -> INTERVAL', "gs_justify($1, 'hours')"]),
  scalar('JUSTIFY_DAYS', ['INTERVAL -> INTERVAL', "gs_justify($1, 'days')"]),
  scalar('JUSTIFY_INTERVAL', ['INTERVAL -> INTERVAL', "gs_justify($1, 'both')"]),
  scalar('MAKE_INTERVAL', [
    '[year INT64, month INT64, day INT64, hour INT64, minute INT64, second INT64] -> INTERVAL',
    (sql, call) =>
      `gs_make_interval(${[0, 1, 2, 3, 4, 5].map((i) => (sql[i] === undefined || call.args[i]!.untyped ? '0::BIGINT' : sql[i])).join(', ')})`,
  ]),
  withPart(
    scalar('DATE_BUCKET', [
      'DATE, INTERVAL[, DATE] -> DATE',
      "CAST(time_bucket(gs_bucket_width($2, true, false), $1, coalesce($3, DATE '1950-01-01')) AS DATE)",
    ]),
    9,
  ),
  scalar('TIMESTAMP_BUCKET', [
    'TIMESTAMP, INTERVAL[, TIMESTAMP] -> TIMESTAMP',
    "time_bucket(gs_bucket_width($2, false, true), $1, coalesce($3, TIMESTAMPTZ '1950-01-01 00:00:00+00'))",
  ]),
  scalar('DATETIME_BUCKET', [
    'DATETIME, INTERVAL[, DATETIME] -> DATETIME',
    "time_bucket(gs_bucket_width($2, true, true), $1, coalesce($3, TIMESTAMP '1950-01-01 00:00:00'))",
  ]),
];
