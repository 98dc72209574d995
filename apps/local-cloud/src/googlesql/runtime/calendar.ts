/** The proleptic Gregorian calendar, ISO weeks and time zones, on days and microseconds since 1970. */
import { EvaluationFault } from './define.ts';

export const DAY_US = 86_400_000_000n;
export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

export function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468;
}
export function dateOf(days: number): { year: number; month: number; day: number } {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return { year: yoe + era * 400 + (month <= 2 ? 1 : 0), month, day: doy - Math.floor((153 * mp + 2) / 5) + 1 };
}
export const isLeap = (y: number): boolean => (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;
export function monthLength(year: number, month: number): number {
  return month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}
export const weekdayOf = (days: number): number => (((days + 4) % 7) + 7) % 7;
export function isoWeek(days: number): { year: number; week: number } {
  const thursday = days - ((weekdayOf(days) + 6) % 7) + 3;
  const { year } = dateOf(thursday);
  return { year, week: Math.floor((thursday - daysOf(year, 1, 1)) / 7) + 1 };
}
export const MIN_DAYS = daysOf(1, 1, 1);
export const MAX_DAYS = daysOf(9999, 12, 31);

export function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q;
}
export function splitMicros(micros: bigint): { days: number; time: bigint } {
  const days = floorDiv(micros, DAY_US);
  return { days: Number(days), time: micros - days * DAY_US };
}

const formats = new Map<string, Intl.DateTimeFormat>();
const fixed = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$/;

/** Seconds east of UTC of a fixed zone text such as `+02:00`; undefined for a named zone. */
export function fixedOffset(zone: string): number | undefined {
  if (zone === 'UTC' || zone === 'Z' || zone === 'z') return 0;
  const found = fixed.exec(zone);
  if (!found) return undefined;
  const hours = Number(found[2]);
  const minutes = Number(found[3] ?? 0);
  if (hours > 14 || minutes > 59) throw new EvaluationFault(`Invalid time zone: ${zone}`);
  return (found[1] === '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
        era: 'short',
      });
    } catch {
      throw new EvaluationFault(`Invalid time zone: ${zone}`);
    }
    if (formats.size < 1000) formats.set(zone, format);
  }
  return format;
}
export function isZone(zone: string): boolean {
  try {
    if (fixedOffset(zone) === undefined) formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

const HOUR = 3600n;
/** By zone, the offset that holds through a whole hour; undefined where it changes within. */
const hourly = new Map<string, Map<bigint, number | undefined>>();
const MOST_HOURS = 50_000;

/** Seconds east of UTC at an instant. Reading a zone is dear and queries ask for the same hours, so what was read is kept. */
export function offsetAt(zone: string, micros: bigint): number {
  const plain = fixedOffset(zone);
  if (plain !== undefined) return plain;
  const seconds = floorDiv(micros, 1_000_000n);
  const hour = floorDiv(seconds, HOUR);
  let hours = hourly.get(zone);
  if (!hours || hours.size >= MOST_HOURS) {
    hours = new Map();
    formatOf(zone);
    if (hourly.size >= 1000) hourly.clear();
    hourly.set(zone, hours);
  }
  if (!hours.has(hour)) {
    const first = readOffset(zone, hour * HOUR);
    hours.set(hour, readOffset(zone, (hour + 1n) * HOUR - 1n) === first ? first : undefined);
  }
  return hours.get(hour) ?? readOffset(zone, seconds);
}

function readOffset(zone: string, seconds: bigint): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(Number(seconds) * 1000)) parts[type] = Number(value);
  const local =
    BigInt(daysOf(parts.year!, parts.month!, parts.day!)) * 86400n + BigInt(parts.hour! * 3600 + parts.minute! * 60 + parts.second!);
  return Number(local - seconds);
}

/** The instant of a wall-clock time: the first of two, or across a gap by the offset before it. */
export function instantOf(zone: string, local: bigint): bigint {
  const before = offsetAt(zone, local - DAY_US);
  const first = local - BigInt(before) * 1_000_000n;
  if (offsetAt(zone, first) === before) return first;
  const after = offsetAt(zone, local + DAY_US);
  const second = local - BigInt(after) * 1_000_000n;
  if (offsetAt(zone, second) === after) return second;
  return first;
}
