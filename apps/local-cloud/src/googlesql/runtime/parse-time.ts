/** PARSE_DATE and its kin: strptime with BigQuery's extensions. */
import { DAY_US, daysOf, fixedOffset, instantOf, isLeap, isZone, MONTHS, WEEKDAYS, weekdayOf } from './calendar.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';
import { checkedDays, checkTimestamp } from './times.ts';

interface Fields {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  micros: number;
  pm: boolean | undefined;
  hour12: boolean;
  century: number | undefined;
  year2: number | undefined;
  yday: number | undefined;
  isoYear: number | undefined;
  isoWeek: number | undefined;
  isoDay: number | undefined;
  week: number | undefined;
  weekStart: number;
  weekday: number | undefined;
  offset: number | undefined;
  zone: string | undefined;
  epoch: bigint | undefined;
}

const DATE_ONLY = 'AaBbhCcDxdeFGgjmQUuVvWwYy';
const TIME_ONLY = 'HIklMPpRrSsTX';

export function parseMoment(
  format: string,
  text: string,
  kind: 'date' | 'time' | 'datetime' | 'timestamp',
  defaultZone = 'UTC',
  start: { readonly year: number; readonly month: number } = { year: 1970, month: 1 },
): bigint {
  const fail = (why = '') => new EvaluationFault(`Failed to parse input string ${JSON.stringify(text)}${why}`);
  const f: Fields = {
    ...start,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    micros: 0,
    pm: undefined,
    hour12: false,
    century: undefined,
    year2: undefined,
    yday: undefined,
    isoYear: undefined,
    isoWeek: undefined,
    isoDay: undefined,
    week: undefined,
    weekStart: 0,
    weekday: undefined,
    offset: undefined,
    zone: undefined,
    epoch: undefined,
  };
  let i = 0;
  const blanks = () => {
    while (i < text.length && /\s/.test(text[i]!)) i++;
  };
  const number = (min: number, max: number, width: number, signed = false): number => {
    const found = new RegExp(`^${signed ? '[+-]?' : ''}\\d{1,${width}}`).exec(text.slice(i));
    if (!found) throw fail();
    const value = Number(found[0]);
    if (value < min || value > max) throw fail();
    i += found[0].length;
    return value;
  };
  const name = (names: readonly string[]): number => {
    const rest = text.slice(i).toLowerCase();
    for (const [k, n] of names.entries()) {
      const hit = [n, n.slice(0, 3)].find((v) => rest.startsWith(v.toLowerCase()));
      if (hit) {
        i += hit.length;
        return k;
      }
    }
    throw fail();
  };
  const seconds = (fractional: number | '*') => {
    f.second = number(0, 60, 2);
    if (fractional === 0 || text[i] !== '.') return;
    const found = /^\.(\d+)/.exec(text.slice(i));
    if (!found) return;
    const digits = fractional === '*' ? found[1]! : found[1]!.slice(0, fractional);
    f.micros = Number(digits.padEnd(6, '0').slice(0, 6));
    i += 1 + digits.length;
  };
  const run = (pattern: string): void => {
    for (let p = 0; p < pattern.length; p++) {
      const c = pattern[p]!;
      if (/\s/.test(c)) {
        blanks();
        continue;
      }
      if (c !== '%') {
        if (text[i] !== c) throw fail();
        i++;
        continue;
      }
      let e = pattern[++p] ?? '';
      if (e === 'E' || e === 'O') {
        const rest = pattern.slice(p + 1);
        const extended = /^(?:(\d|\*)S|4Y|z|([A-Za-z]))/.exec(rest);
        if (!extended) throw fail();
        p += extended[0].length;
        if (extended[1] !== undefined) {
          seconds(extended[1] === '*' ? '*' : Number(extended[1]));
          continue;
        }
        if (extended[0] === '4Y') {
          f.year = number(0, 9999, 4);
          continue;
        }
        e = extended[0];
      } else if ('-_0^#'.includes(e) && /[A-Za-z]/.test(pattern[p + 1] ?? '')) e = pattern[++p]!;
      if (
        (kind === 'date' && (TIME_ONLY.includes(e) || e === 'z' || e === 'Z')) ||
        (kind === 'time' && (DATE_ONLY.includes(e) || 'zZs'.includes(e)))
      ) {
        throw new EvaluationFault(`Invalid format: %${e} is not allowed for the ${kind.toUpperCase()} type.`);
      }
      element(e);
    }
  };
  const element = (e: string): void => {
    switch (e) {
      case 'A':
      case 'a':
        f.weekday = name(WEEKDAYS);
        return;
      case 'B':
      case 'b':
      case 'h':
        f.month = name(MONTHS) + 1;
        return;
      case 'C':
        f.century = number(0, 99, 2);
        return;
      case 'c':
        return run('%a %b %e %H:%M:%S %Y');
      case 'D':
      case 'x':
        return run('%m/%d/%y');
      case 'd':
      case 'e':
        blanks();
        f.day = number(1, 31, 2);
        return;
      case 'F':
        return run('%Y-%m-%d');
      case 'G':
        f.isoYear = number(0, 9999, 4);
        return;
      case 'g':
        f.isoYear = twoDigits(number(0, 99, 2));
        return;
      case 'H':
      case 'k':
        blanks();
        f.hour = number(0, 23, 2);
        f.hour12 = false;
        return;
      case 'I':
      case 'l':
        blanks();
        f.hour = number(1, 12, 2) % 12;
        f.hour12 = true;
        return;
      case 'j':
        f.yday = number(1, 366, 3);
        return;
      case 'M':
        f.minute = number(0, 59, 2);
        return;
      case 'm':
        f.month = number(1, 12, 2);
        return;
      case 'n':
      case 't':
        blanks();
        return;
      case 'P':
      case 'p': {
        const found = /^[ap]m/i.exec(text.slice(i));
        if (!found) throw fail();
        f.pm = found[0].toLowerCase() === 'pm';
        i += 2;
        return;
      }
      case 'Q':
        f.month = (number(1, 4, 1) - 1) * 3 + 1;
        return;
      case 'R':
        return run('%H:%M');
      case 'r':
        return run('%I:%M:%S %p');
      case 'S':
        return seconds(0);
      case 's': {
        const found = /^-?\d+/.exec(text.slice(i));
        if (!found) throw fail();
        f.epoch = BigInt(found[0]);
        i += found[0].length;
        return;
      }
      case 'T':
      case 'X':
        return run('%H:%M:%S');
      case 'U':
        f.week = number(0, 53, 2);
        f.weekStart = 0;
        return;
      case 'u':
        f.isoDay = number(1, 7, 1);
        f.weekday = f.isoDay % 7;
        return;
      case 'V':
        f.isoWeek = number(1, 53, 2);
        return;
      case 'W':
        f.week = number(0, 53, 2);
        f.weekStart = 1;
        return;
      case 'w':
        f.weekday = number(0, 6, 1);
        return;
      case 'Y':
        f.year = number(0, 9999, 4, true);
        f.century = undefined;
        return;
      case 'y':
        f.year2 = number(0, 99, 2);
        return;
      case 'Z': {
        const found = /^[A-Za-z][A-Za-z_]*(?:\/[A-Za-z_+\-0-9]+)*(?:[+-]\d{1,2}(?::?\d{2})?)?/.exec(text.slice(i));
        if (!found || (fixedOffset(found[0]) === undefined && !isZone(found[0]))) throw fail();
        f.zone = found[0];
        i += found[0].length;
        return;
      }
      case 'z': {
        const found = /^(?:[Zz]|([+-])(\d{2}):?(\d{2})?)/.exec(text.slice(i));
        if (!found) throw fail();
        f.offset = found[1] ? (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 3600 + Number(found[3] ?? 0) * 60) : 0;
        i += found[0].length;
        return;
      }
      case '%':
        if (text[i] !== '%') throw fail();
        i++;
        return;
      default:
        throw new EvaluationFault(`Invalid format string: %${e}`);
    }
  };
  blanks();
  run(format);
  blanks();
  if (i < text.length) throw fail(`: trailing data left after parsing`);
  return assemble(f, kind, defaultZone, fail);
}

const twoDigits = (y: number): number => (y < 69 ? 2000 + y : 1900 + y);

function assemble(f: Fields, kind: string, zone: string, fail: () => EvaluationFault): bigint {
  if (f.epoch !== undefined) {
    const micros = checkTimestamp(f.epoch * 1_000_000n);
    if (micros === undefined) throw fail();
    return micros;
  }
  if (f.year2 !== undefined) f.year = f.century !== undefined ? f.century * 100 + f.year2 : twoDigits(f.year2);
  else if (f.century !== undefined) f.year = f.century * 100;
  let days: number | undefined;
  if (f.isoYear !== undefined || f.isoWeek !== undefined) {
    const year = f.isoYear ?? f.year;
    const monday = daysOf(year, 1, 4) - ((weekdayOf(daysOf(year, 1, 4)) + 6) % 7);
    const isoDay = f.isoDay ?? (f.weekday === undefined ? 1 : f.weekday === 0 ? 7 : f.weekday);
    days = monday + ((f.isoWeek ?? 1) - 1) * 7 + isoDay - 1;
  } else if (f.yday !== undefined) {
    if (f.yday > (isLeap(f.year) ? 366 : 365)) throw fail();
    days = daysOf(f.year, 1, 1) + f.yday - 1;
  } else if (f.week !== undefined) {
    const first = daysOf(f.year, 1, 1);
    const start = first + ((f.weekStart - weekdayOf(first) + 7) % 7);
    days = start + (f.week - 1) * 7 + (((f.weekday ?? f.weekStart) - f.weekStart + 7) % 7);
  } else days = checkedDays(f.year, f.month, f.day);
  if (days === undefined) throw fail();
  const hour = f.hour12 && f.pm ? f.hour + 12 : f.hour;
  const time = BigInt(hour * 3600 + f.minute * 60 + f.second) * 1_000_000n + BigInt(f.micros);
  if (kind === 'date') return BigInt(days);
  if (kind === 'time') return time % DAY_US;
  const local = BigInt(days) * DAY_US + time;
  if (kind === 'datetime') return local;
  const instant = f.offset !== undefined ? local - BigInt(f.offset) * 1_000_000n : instantOf(f.zone ?? zone, local);
  const checked = checkTimestamp(instant);
  if (checked === undefined) throw fail();
  return checked;
}

export const parseTimeFunctions: readonly NativeFunction[] = [
  native('gs_parse_date', ['text', 'text'], 'date', (format: string, text: string) => Number(parseMoment(format, text, 'date'))),
  native('gs_parse_time', ['text', 'text'], 'time', (format: string, text: string) => parseMoment(format, text, 'time')),
  native('gs_parse_datetime', ['text', 'text'], 'datetime', (format: string, text: string) => parseMoment(format, text, 'datetime')),
  native('gs_parse_timestamp', ['text', 'text', 'text'], 'timestamp', (format: string, text: string, zone: string) =>
    parseMoment(format, text, 'timestamp', zone),
  ),
];
