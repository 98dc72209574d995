/** Texts of DATE, TIME, DATETIME, TIMESTAMP and INTERVAL, as CAST reads and writes them. */
import {
  DAY_US,
  dateOf,
  daysOf,
  fixedOffset,
  instantOf,
  isZone,
  MAX_DAYS,
  MIN_DAYS,
  monthLength,
  offsetAt,
  splitMicros,
} from './calendar.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';
import { formatInterval, type IntervalParts, parseInterval } from './interval.ts';

export const pad = (n: number | bigint, width = 2): string => String(n).padStart(width, '0');

/** `.123`, `.123456` or nothing. */
export function fraction(micros: bigint): string {
  if (micros === 0n) return '';
  const digits = pad(micros, 6);
  return `.${digits.endsWith('000') ? digits.slice(0, 3) : digits}`;
}
export function dateText(days: number): string {
  const { year, month, day } = dateOf(days);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
}
export function timeText(micros: bigint): string {
  const seconds = micros / 1_000_000n;
  return `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}${fraction(micros % 1_000_000n)}`;
}
export function datetimeText(micros: bigint): string {
  const { days, time } = splitMicros(micros);
  return `${dateText(days)} ${timeText(time)}`;
}

const DATE = String.raw`(\d{4,5})-(\d{1,2})-(\d{1,2})`;
const TIME = String.raw`(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,9}))?`;
const datePattern = new RegExp(`^${DATE}$`);
const timePattern = new RegExp(String.raw`^\s*${TIME}\s*$`);
const datetimePattern = new RegExp(String.raw`^\s*${DATE}(?:[T\s]\s*${TIME})?\s*$`, 'i');
const timestampPattern = new RegExp(
  String.raw`^\s*${DATE}(?:[T\s]\s*${TIME})?\s*(Z|[+-]\d{1,2}(?::\d{2})?|[A-Za-z_]+(?:/[A-Za-z_+\-0-9]+)*)?\s*$`,
  'i',
);

export function checkedDays(y: number, m: number, d: number): number | undefined {
  if (y < 1 || y > 9999 || m < 1 || m > 12 || d < 1 || d > monthLength(y, m)) return undefined;
  return daysOf(y, m, d);
}
function checkedTime(h = '0', m = '0', s = '0', f = ''): bigint | undefined {
  if (Number(h) > 23 || Number(m) > 59 || Number(s) > 59 || f.length > 6) return undefined;
  return (BigInt(h) * 3600n + BigInt(m) * 60n + BigInt(s)) * 1_000_000n + BigInt(f.padEnd(6, '0'));
}

export function parseDate(text: string): number | undefined {
  const found = datePattern.exec(text) ?? (/^\s|\s$/.test(text) ? null : datetimePattern.exec(text));
  return found ? checkedDays(Number(found[1]), Number(found[2]), Number(found[3])) : undefined;
}
export function parseTime(text: string): bigint | undefined {
  const found = timePattern.exec(text);
  return found ? checkedTime(found[1], found[2], found[3], found[4]) : undefined;
}
export function parseDatetime(text: string): bigint | undefined {
  const found = datetimePattern.exec(text);
  if (!found) return undefined;
  const days = checkedDays(Number(found[1]), Number(found[2]), Number(found[3]));
  const time = checkedTime(found[4], found[5], found[6], found[7]);
  return days === undefined || time === undefined ? undefined : BigInt(days) * DAY_US + time;
}
export function parseTimestamp(text: string, zone: string): bigint | undefined {
  const found = timestampPattern.exec(text);
  if (!found) return undefined;
  const days = checkedDays(Number(found[1]), Number(found[2]), Number(found[3]));
  const time = checkedTime(found[4], found[5], found[6], found[7]);
  if (days === undefined || time === undefined) return undefined;
  const own = found[8];
  if (own !== undefined && fixedOffset(own) === undefined && !isZone(own)) return undefined;
  return checkTimestamp(instantOf(own ?? zone, BigInt(days) * DAY_US + time));
}
export function checkTimestamp(micros: bigint): bigint | undefined {
  return micros < BigInt(MIN_DAYS) * DAY_US || micros >= BigInt(MAX_DAYS + 1) * DAY_US ? undefined : micros;
}

/** Any of the interval forms that CAST accepts. */
export function parseAnyInterval(text: string): IntervalParts | undefined {
  const forms: readonly [string, string][] = [
    ['YEAR', 'SECOND'],
    ['YEAR', 'MINUTE'],
    ['YEAR', 'HOUR'],
    ['YEAR', 'DAY'],
    ['YEAR', 'MONTH'],
    ['MONTH', 'SECOND'],
    ['DAY', 'SECOND'],
    ['DAY', 'MINUTE'],
    ['HOUR', 'SECOND'],
  ];
  for (const [from, to] of forms) {
    const found = parseInterval(text, from, to);
    if (found) return found;
  }
  const iso =
    /^([+-]?)P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)W)?(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+)(?:\.(\d{1,6}))?S)?)?$/.exec(
      text.trim(),
    );
  if (!iso || text.trim().length < 3) return undefined;
  const [, sign, y, mo, w, d, h, mi, s, f] = iso;
  const factor = sign === '-' ? -1 : 1;
  const secondsSign = s?.startsWith('-') ? -1n : 1n;
  const micros =
    (BigInt(h ?? 0) * 3600n + BigInt(mi ?? 0) * 60n + BigInt(s ?? 0)) * 1_000_000n + secondsSign * BigInt((f ?? '').padEnd(6, '0'));
  return {
    months: factor * (Number(y ?? 0) * 12 + Number(mo ?? 0)),
    days: factor * (Number(w ?? 0) * 7 + Number(d ?? 0)),
    micros: BigInt(factor) * micros,
  };
}

function need<T>(value: T | undefined, message: () => string): T {
  if (value === undefined) throw new EvaluationFault(message());
  return value;
}

export const timeFunctions: readonly NativeFunction[] = [
  native('gs_text_date', ['text'], 'date', (t: string) => need(parseDate(t), () => `Invalid date: '${t}'`)),
  native('gs_text_time', ['text'], 'time', (t: string) => need(parseTime(t), () => `Invalid time string "${t}"`)),
  native('gs_text_datetime', ['text'], 'datetime', (t: string) => need(parseDatetime(t), () => `Invalid datetime string "${t}"`)),
  native('gs_text_timestamp', ['text', 'text'], 'timestamp', (t: string, zone: string) =>
    need(parseTimestamp(t, zone), () => `Invalid timestamp: '${t}'`),
  ),
  native('gs_text_interval', ['text'], 'interval', (t: string) => need(parseAnyInterval(t), () => `Invalid INTERVAL value '${t}'`)),
  native('gs_interval_text', ['interval'], 'text', (v: IntervalParts) => formatInterval(v)),
  native('gs_date_text', ['date'], 'text', dateText),
  native('gs_time_text', ['time'], 'text', timeText),
  native('gs_datetime_text', ['datetime'], 'text', datetimeText),
  native(
    'gs_zone_local',
    ['timestamp', 'text'],
    'datetime',
    (micros: bigint, zone: string) => micros + BigInt(offsetAt(zone, micros)) * 1_000_000n,
  ),
  native('gs_zone_instant', ['datetime', 'text'], 'timestamp', (micros: bigint, zone: string) =>
    need(checkTimestamp(instantOf(zone, micros)), () => `Timestamp out of range: ${datetimeText(micros)}`),
  ),
  native('gs_datetime_minus', ['datetime', 'datetime'], 'interval', (a: bigint, b: bigint) => ({
    months: 0,
    days: Number((a - b) / DAY_US),
    micros: (a - b) % DAY_US,
  })),
  native('gs_interval_mul', ['interval', 'int'], 'interval', (v: IntervalParts, n: bigint) => ({
    months: v.months * Number(n),
    days: v.days * Number(n),
    micros: v.micros * n,
  })),
  native('gs_interval_div', ['interval', 'int'], 'interval', (v: IntervalParts, n: bigint) => {
    if (n === 0n) throw new EvaluationFault('division by zero: INTERVAL / 0');
    const months = BigInt(v.months);
    const days = BigInt(v.days) + (months % n) * 30n;
    const micros = v.micros + (days % n) * DAY_US;
    return { months: Number(months / n), days: Number(days / n), micros: micros / n };
  }),
  native('gs_justify', ['interval', 'text'], 'interval', (v: IntervalParts, how: string) => {
    let { months, days, micros } = v;
    if (how !== 'days') {
      days += Number(micros / DAY_US);
      micros %= DAY_US;
      if (days > 0 && micros < 0n) {
        days--;
        micros += DAY_US;
      } else if (days < 0 && micros > 0n) {
        days++;
        micros -= DAY_US;
      }
    }
    if (how !== 'hours') {
      months += Math.trunc(days / 30);
      days %= 30;
      if (months > 0 && days < 0) {
        months--;
        days += 30;
      } else if (months < 0 && days > 0) {
        months++;
        days -= 30;
      }
    }
    return { months, days, micros };
  }),
  native(
    'gs_make_interval',
    ['int', 'int', 'int', 'int', 'int', 'int'],
    'interval',
    (y: bigint, mo: bigint, d: bigint, h: bigint, mi: bigint, s: bigint) => ({
      months: Number(y * 12n + mo),
      days: Number(d),
      micros: (h * 3600n + mi * 60n + s) * 1_000_000n,
    }),
  ),
];
