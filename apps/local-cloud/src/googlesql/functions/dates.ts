/** DATE, TIME, DATETIME, TIMESTAMP and INTERVAL functions. */
import type { IntervalTyped } from '../analyze/interval.ts';
import type { SqlType } from '../contract.ts';
import { fixedOffset, isZone } from '../runtime/calendar.ts';
import { DATE, DATETIME, INT64, TIME } from '../sql-type.ts';
import { type Call, type FunctionSpec, scalar } from './call.ts';
import type { Declared } from './signature.ts';

const UTC = "'UTC'";
/** Wall-clock time of an instant. */
function local(ts: string, call: Call, zone: number): string {
  const arg = call.args[zone];
  if (!arg) return `(${ts} AT TIME ZONE ${UTC})`;
  if (typeof arg.literal === 'string') {
    if (!isZone(arg.literal)) throw call.fault(`Invalid time zone: ${arg.literal}`);
    if (fixedOffset(arg.literal) === 0) return `(${ts} AT TIME ZONE ${UTC})`;
    if (fixedOffset(arg.literal) === undefined) return `(${ts} AT TIME ZONE ${arg.sql})`;
  }
  return `gs_zone_local(${ts}, ${arg.sql})`;
}
function instant(datetime: string, call: Call, zone: number): string {
  const arg = call.args[zone];
  if (!arg) return `(${datetime} AT TIME ZONE ${UTC})`;
  if (typeof arg.literal === 'string' && !isZone(arg.literal)) throw call.fault(`Invalid time zone: ${arg.literal}`);
  return `gs_zone_instant(${datetime}, ${arg.sql})`;
}

const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];
function partOf(call: Call, i: number): { name: string; first: number } {
  const text = call.args[i]?.literal;
  if (typeof text !== 'string') throw call.fault(`A valid date part name is required`, i);
  const week = /^WEEK\((\w+)\)$/.exec(text.toUpperCase());
  if (week) {
    const first = WEEKDAYS.indexOf(week[1]!);
    if (first < 0) throw call.fault(`A valid date part name is required but found ${text}`, i);
    return { name: 'WEEK', first };
  }
  return { name: text.toUpperCase(), first: 0 };
}
const unsupportedPart = (call: Call, part: string, type: string) =>
  call.fault(`Unsupported date part ${part} for ${type} in function ${call.name}`);

const MICROS: Readonly<Record<string, string>> = {
  MICROSECOND: '1',
  MILLISECOND: '1000',
  SECOND: '1000000',
  MINUTE: '60000000',
  HOUR: '3600000000',
};
const DAY_MICROS = '86400000000';

/** Part of a DATE or TIMESTAMP value `x` (wall clock). */
function extractPart(x: string, name: string, first: number): string | undefined {
  const whole = (sql: string) => `CAST(${sql} AS BIGINT)`;
  switch (name) {
    case 'YEAR':
    case 'QUARTER':
    case 'MONTH':
    case 'DAY':
    case 'DAYOFYEAR':
    case 'HOUR':
    case 'MINUTE':
    case 'SECOND':
    case 'ISOYEAR':
      return whole(`${name.toLowerCase()}(${x})`);
    case 'DAYOFWEEK':
      return whole(`(dayofweek(${x}) + 1)`);
    case 'ISOWEEK':
      return whole(`weekofyear(${x})`);
    case 'WEEK':
      return whole(`((dayofyear(${x}) + 6 - ((dayofweek(${x}) - ${first} + 7) % 7)) // 7)`);
    case 'MILLISECOND':
      return whole(`(millisecond(${x}) % 1000)`);
    case 'MICROSECOND':
      return whole(`(microsecond(${x}) % 1000000)`);
    default:
      return undefined;
  }
}
const TIME_PARTS = ['HOUR', 'MINUTE', 'SECOND', 'MILLISECOND', 'MICROSECOND'];

function extract(kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP' | 'INTERVAL') {
  return ([, x]: readonly string[], call: Call): string => {
    const { name, first } = partOf(call, 0);
    const value = kind === 'TIMESTAMP' ? local(x!, call, 2) : x!;
    if (kind === 'INTERVAL') return intervalPart(value, name, call);
    if ((kind === 'DATE' && TIME_PARTS.includes(name)) || (kind === 'TIME' && !TIME_PARTS.includes(name)))
      throw unsupportedPart(call, name, kind);
    if (kind === 'TIMESTAMP' || kind === 'DATETIME') {
      if (name === 'DATE') return `CAST(${value} AS DATE)`;
      if (name === 'TIME') return `CAST(${value} AS TIME)`;
      if (name === 'DATETIME') return value;
    }
    const sql = extractPart(value, name, first);
    if (!sql) throw unsupportedPart(call, name, kind);
    return sql;
  };
}
function intervalPart(x: string, name: string, call: Call): string {
  const months = `(datepart('year', ${x}) * 12 + datepart('month', ${x}))`;
  const micros = `gs_interval_micros(${x})`;
  const parts: Readonly<Record<string, string>> = {
    YEAR: `(${months} // 12)`,
    MONTH: `(${months} % 12)`,
    DAY: `datepart('day', ${x})`,
    HOUR: `(${micros} // 3600000000)`,
    MINUTE: `((${micros} // 60000000) % 60)`,
    SECOND: `((${micros} // 1000000) % 60)`,
    MILLISECOND: `((${micros} // 1000) % 1000)`,
    MICROSECOND: `(${micros} % 1000000)`,
  };
  const sql = parts[name];
  if (!sql) throw unsupportedPart(call, name, 'INTERVAL');
  return `CAST(${sql} AS BIGINT)`;
}
const extractResult = (args: readonly { literal?: unknown }[]): SqlType => {
  const part = args[0]!.literal;
  return part === 'DATE' ? DATE : part === 'TIME' ? TIME : part === 'DATETIME' ? DATETIME : INT64;
};

const DATE_PARTS = ['DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR'];
function shift(kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP', sign: '' | '-') {
  return ([x, i]: readonly string[], call: Call): string => {
    const { interval } = call.args[1] as Partial<IntervalTyped>;
    const allowed =
      kind === 'DATE'
        ? DATE_PARTS
        : kind === 'TIME'
          ? TIME_PARTS
          : kind === 'TIMESTAMP'
            ? [...TIME_PARTS, 'DAY']
            : [...TIME_PARTS, ...DATE_PARTS];
    if (interval && !allowed.includes(interval.part)) throw unsupportedPart(call, interval.part, kind);
    if (!interval && kind !== 'DATETIME' && kind !== 'TIMESTAMP') throw call.fault(`Function ${call.name} needs an interval of one part`);
    const by = sign === '' ? i! : `(-(${i}))`;
    if (kind === 'DATE')
      return interval?.part === 'DAY' ? `gs_date_plus(${x}, ${sign}${interval.amount})` : `CAST(gs_datetime_check(${x} + ${by}) AS DATE)`;
    if (kind === 'TIME') return `(${x} + ${by})`;
    return kind === 'TIMESTAMP' ? `gs_timestamp_plus(${x}, ${by})` : `gs_datetime_check(${x} + ${by})`;
  };
}

const weekStart = (d: string, first: number) => `(${d} - CAST((dayofweek(${d}) - ${first} + 7) % 7 AS INTEGER))`;
function dateDiff([a, b]: readonly string[], call: Call): string {
  const { name, first } = partOf(call, 2);
  const months = (d: string) => `(year(${d}) * 12 + month(${d}))`;
  switch (name) {
    case 'DAY':
      return `CAST((${a} - ${b}) AS BIGINT)`;
    case 'WEEK':
    case 'ISOWEEK': {
      const f = name === 'ISOWEEK' ? 1 : first;
      return `CAST((${weekStart(a!, f)} - ${weekStart(b!, f)}) // 7 AS BIGINT)`;
    }
    case 'MONTH':
      return `CAST(${months(a!)} - ${months(b!)} AS BIGINT)`;
    case 'QUARTER':
      return `CAST((year(${a}) * 4 + quarter(${a})) - (year(${b}) * 4 + quarter(${b})) AS BIGINT)`;
    case 'YEAR':
    case 'ISOYEAR':
      return `CAST(${name.toLowerCase()}(${a}) - ${name.toLowerCase()}(${b}) AS BIGINT)`;
    default:
      throw unsupportedPart(call, name, 'DATE');
  }
}
function datetimeDiff([a, b]: readonly string[], call: Call): string {
  const { name } = partOf(call, 2);
  const micros = MICROS[name];
  if (!micros) return dateDiff([`CAST(${a} AS DATE)`, `CAST(${b} AS DATE)`], call);
  return `(gs_floor(epoch_us(${a}), ${micros}) - gs_floor(epoch_us(${b}), ${micros}))`;
}
function spanDiff([a, b]: readonly string[], call: Call): string {
  const { name } = partOf(call, 2);
  const micros = MICROS[name] ?? (name === 'DAY' ? DAY_MICROS : undefined);
  if (!micros) throw unsupportedPart(call, name, 'TIMESTAMP');
  return `((epoch_us(${a}) - epoch_us(${b})) // ${micros})`;
}
function timeDiff([a, b]: readonly string[], call: Call): string {
  const { name } = partOf(call, 2);
  const micros = MICROS[name];
  if (!micros) throw unsupportedPart(call, name, 'TIME');
  return `(gs_floor(epoch_us(${a}), ${micros}) - gs_floor(epoch_us(${b}), ${micros}))`;
}

/** Truncation of a wall-clock value; the result is a TIMESTAMP unless `x` is a DATE. */
function truncate(x: string, name: string, first: number): string | undefined {
  switch (name) {
    case 'YEAR':
    case 'QUARTER':
    case 'MONTH':
    case 'DAY':
    case 'HOUR':
    case 'MINUTE':
    case 'SECOND':
    case 'MILLISECOND':
    case 'MICROSECOND':
      return `date_trunc('${name.toLowerCase()}', ${x})`;
    case 'ISOWEEK':
      return weekStart(`CAST(${x} AS DATE)`, 1);
    case 'WEEK':
      return weekStart(`CAST(${x} AS DATE)`, first);
    case 'ISOYEAR':
      return `gs_iso_year_start(CAST(${x} AS DATE))`;
    default:
      return undefined;
  }
}
function trunc(kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP') {
  return ([x]: readonly string[], call: Call): string => {
    const { name, first } = partOf(call, 1);
    if (kind === 'DATE' && TIME_PARTS.includes(name)) throw unsupportedPart(call, name, kind);
    if (kind === 'TIME') {
      const micros = MICROS[name];
      if (!micros) throw unsupportedPart(call, name, kind);
      return `gs_time_trunc(${x}, ${micros})`;
    }
    if (kind === 'TIMESTAMP') {
      const micros = MICROS[name];
      if (micros && !call.args[2]) return `gs_timestamp_trunc(${x}, ${micros})`;
      const wall = local(x!, call, 2);
      const cut = truncate(wall, name, first);
      if (!cut) throw unsupportedPart(call, name, kind);
      if (micros) return `make_timestamptz(epoch_us(${x}) - (epoch_us(${wall}) - epoch_us(${cut})))`;
      return instant(`CAST(${cut} AS TIMESTAMP)`, call, 2);
    }
    const cut = truncate(x!, name, first);
    if (!cut) throw unsupportedPart(call, name, kind);
    return `CAST(${cut} AS ${kind === 'DATE' ? 'DATE' : 'TIMESTAMP'})`;
  };
}

function lastDay([x]: readonly string[], call: Call): string {
  const { name, first } = call.args[1] ? partOf(call, 1) : { name: 'MONTH', first: 0 };
  const d = `CAST(${x} AS DATE)`;
  switch (name) {
    case 'MONTH':
      return `last_day(${d})`;
    case 'QUARTER':
      return `CAST(date_trunc('quarter', ${d}) + INTERVAL 3 MONTH - INTERVAL 1 DAY AS DATE)`;
    case 'YEAR':
      return `make_date(year(${d}), 12, 31)`;
    case 'WEEK':
      return `(${weekStart(d, first)} + 6)`;
    case 'ISOWEEK':
      return `(${weekStart(d, 1)} + 6)`;
    case 'ISOYEAR':
      return `(gs_iso_year_start(CAST(gs_iso_year_start(${d}) + 375 AS DATE)) - 1)`;
    default:
      throw unsupportedPart(call, name, 'DATE');
  }
}

const now = (call: Call) => call.context('now');
const current = (name: string, result: string, pick: (wall: string) => string): FunctionSpec =>
  scalar(name, [`[STRING] -> ${result}`, (_, call) => pick(local(now(call), call, 0))]);
const withPart = (spec: FunctionSpec, part: number): FunctionSpec => ({ ...spec, part });
const step = (x: string, b: string, call: Call, i: number, unit: 'DATE' | 'TIMESTAMP'): string => {
  const arg = call.args[i] as Partial<IntervalTyped> | undefined;
  if (!arg) return unit === 'DATE' ? `gs_generate_dates(${x}, ${b}, to_days(1))` : '';
  if (!arg.interval) throw call.fault(`${call.name} needs an interval of one part`);
  const allowed = unit === 'DATE' ? DATE_PARTS : [...TIME_PARTS, 'DAY'];
  if (!allowed.includes(arg.interval.part)) throw unsupportedPart(call, arg.interval.part, unit);
  return unit === 'DATE' ? `gs_generate_dates(${x}, ${b}, ${arg.sql})` : `gs_generate_timestamps(${x}, ${b}, ${arg.sql})`;
};

const addSub = (prefix: string, kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP'): FunctionSpec[] => {
  const own = (sign: '' | '-'): Declared[] => {
    const rows: Declared[] = [[`${kind}, INTERVAL -> ${kind}`, shift(kind, sign)]];
    for (const other of ['DATETIME', 'TIMESTAMP'] as const)
      if (kind === 'DATE') rows.push([`${other}, INTERVAL -> ${other}`, shift(other, sign)]);
    return rows;
  };
  return [scalar(`${prefix}_ADD`, ...own('')), scalar(`${prefix}_SUB`, ...own('-'))];
};

/** Formats of these elements alone are DuckDB's as well, and it is much faster at them. */
const COMMON: Readonly<Record<string, string>> = {
  Y: '%Y',
  m: '%m',
  d: '%d',
  H: '%H',
  M: '%M',
  S: '%S',
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  y: '%y',
  B: '%B',
  b: '%b',
  A: '%A',
  a: '%a',
  j: '%j',
};
function format(native: string, time: boolean) {
  return ([f, x]: readonly string[], call: Call): string => {
    const { literal } = call.args[0]!;
    const zone = call.args[2];
    const elements = typeof literal === 'string' ? (literal.match(/%./gs) ?? []) : [];
    const allowed = time ? 'YmdHMSFTRyBbAaj' : 'YmdFyBbAaj';
    const utc = native !== 'gs_format_timestamp' || !zone || zone.literal === 'UTC';
    if (
      typeof literal === 'string' &&
      utc &&
      !/%$/.test(literal) &&
      elements.length > 0 &&
      elements.every((e) => allowed.includes(e[1]!))
    ) {
      const pattern = literal.replace(/%(.)/gs, (_, c: string) => COMMON[c]!).replaceAll("'", "''");
      return `strftime(${native === 'gs_format_timestamp' ? `(${x} AT TIME ZONE ${UTC})` : x}, '${pattern}')`;
    }
    return native === 'gs_format_timestamp' ? `${native}(${f}, ${x}, ${zone?.sql ?? UTC})` : `${native}(${f}, ${x})`;
  };
}

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
    scalar('DATE_BUCKET', ['DATE, INTERVAL[, DATE] -> DATE', "CAST(time_bucket($2, $1, coalesce($3, DATE '1950-01-01')) AS DATE)"]),
    9,
  ),
  scalar('TIMESTAMP_BUCKET', [
    'TIMESTAMP, INTERVAL[, TIMESTAMP] -> TIMESTAMP',
    "time_bucket($2, $1, coalesce($3, TIMESTAMPTZ '1950-01-01 00:00:00+00'))",
  ]),
  scalar('DATETIME_BUCKET', [
    'DATETIME, INTERVAL[, DATETIME] -> DATETIME',
    "time_bucket($2, $1, coalesce($3, TIMESTAMP '1950-01-01 00:00:00'))",
  ]),
];
