/** FORMAT_DATE and its kin: strftime with BigQuery's extensions. */
import { DAY_US, dateOf, daysOf, floorDiv, isoWeek, MONTHS, offsetAt, splitMicros, WEEKDAYS } from './calendar.ts';
import { type NativeFunction, native } from './define.ts';
import { dateText, pad } from './times.ts';

interface Moment {
  /** Wall-clock micros. */
  readonly local: bigint;
  readonly offset: number;
  readonly zone: string;
  readonly instant: bigint;
}

function zoneName(zone: string, offset: number): string {
  if (zone === 'UTC' || zone === 'Z') return 'UTC';
  if (offset === 0) return 'UTC';
  const h = Math.trunc(offset / 3600);
  const m = Math.abs(Math.trunc(offset / 60) % 60);
  return `UTC${offset < 0 ? '-' : '+'}${m ? pad(Math.abs(h)) + pad(m) : Math.abs(h)}`;
}

export function formatMoment(format: string, kind: 'date' | 'time' | 'datetime' | 'timestamp', m: Moment): string {
  const { days, time } = splitMicros(m.local);
  const { year, month, day } = dateOf(days);
  const seconds = Number(time / 1_000_000n);
  const sub = pad(time % 1_000_000n, 6);
  const [h, mi, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const h12 = h % 12 === 0 ? 12 : h % 12;
  const weekday = (((days + 4) % 7) + 7) % 7;
  const yday = days - daysOf(year, 1, 1) + 1;
  const weekFrom = (first: number) => Math.floor((yday + 6 - ((weekday - first + 7) % 7)) / 7);
  const sign = m.offset < 0 ? '-' : '+';
  const off = Math.abs(m.offset);
  const dateOnly = kind === 'date';
  const timeOnly = kind === 'time';
  const one = (c: string): string | undefined => {
    switch (c) {
      case 'A':
        return WEEKDAYS[weekday]!;
      case 'a':
        return WEEKDAYS[weekday]!.slice(0, 3);
      case 'B':
        return MONTHS[month - 1]!;
      case 'b':
      case 'h':
        return MONTHS[month - 1]!.slice(0, 3);
      case 'C':
        return pad(Math.floor(year / 100));
      case 'c':
        return `${one('a')} ${one('b')} ${one('e')} ${one('T')} ${year}`;
      case 'D':
      case 'x':
        return `${pad(month)}/${pad(day)}/${pad(year % 100)}`;
      case 'd':
        return pad(day);
      case 'e':
        return String(day).padStart(2, ' ');
      case 'F':
        return dateText(days);
      case 'G':
        return String(isoWeek(days).year);
      case 'g':
        return pad(isoWeek(days).year % 100);
      case 'H':
        return pad(h);
      case 'I':
        return pad(h12);
      case 'j':
        return pad(yday, 3);
      case 'k':
        return String(h).padStart(2, ' ');
      case 'l':
        return String(h12).padStart(2, ' ');
      case 'M':
        return pad(mi);
      case 'm':
        return pad(month);
      case 'n':
        return '\n';
      case 'P':
        return h < 12 ? 'am' : 'pm';
      case 'p':
        return h < 12 ? 'AM' : 'PM';
      case 'Q':
        return String(Math.floor((month - 1) / 3) + 1);
      case 'R':
        return `${pad(h)}:${pad(mi)}`;
      case 'r':
        return `${pad(h12)}:${pad(mi)}:${pad(s)} ${h < 12 ? 'AM' : 'PM'}`;
      case 'S':
        return pad(s);
      case 's':
        return String(floorDiv(m.instant, 1_000_000n));
      case 'T':
      case 'X':
        return `${pad(h)}:${pad(mi)}:${pad(s)}`;
      case 't':
        return '\t';
      case 'U':
        return pad(weekFrom(0));
      case 'u':
        return String(weekday === 0 ? 7 : weekday);
      case 'V':
        return pad(isoWeek(days).week);
      case 'v':
        return `${String(day).padStart(2, ' ')}-${MONTHS[month - 1]!.slice(0, 3).toUpperCase()}-${year}`;
      case 'W':
        return pad(weekFrom(1));
      case 'w':
        return String(weekday);
      case 'Y':
        return String(year);
      case 'y':
        return pad(year % 100);
      case 'Z':
        return zoneName(m.zone, m.offset);
      case 'z':
        return `${sign}${pad(Math.floor(off / 3600))}${pad(Math.floor(off / 60) % 60)}`;
      case '%':
        return '%';
      default:
        return undefined;
    }
  };
  const dateElements = 'AaBbhCcDxdeFGgjmQUuVvWwYy';
  const timeElements = 'HIklMPpRrSsTX';
  return format.replace(
    /%(?:E([45*#]?[A-Za-z]|\d[SfF]|[*]S)|O([A-Za-z])|([-_0^#]?)([A-Za-z%]))/g,
    (whole, e?: string, o?: string, _flag?: string, c?: string) => {
      const letter = c ?? o;
      if (e !== undefined) {
        if (e === 'z') return kind === 'timestamp' ? `${sign}${pad(Math.floor(off / 3600))}:${pad(Math.floor(off / 60) % 60)}` : whole;
        if (e === '4Y') return timeOnly ? whole : pad(year, 4);
        if (e === '*S') {
          if (dateOnly) return whole;
          const trimmed = sub.replace(/0+$/, '');
          return `${pad(s)}${trimmed ? `.${trimmed}` : ''}`;
        }
        const digits = /^(\d)S$/.exec(e);
        if (digits)
          return dateOnly ? whole : Number(digits[1]) === 0 ? pad(s) : `${pad(s)}.${sub.padEnd(9, '0').slice(0, Number(digits[1]))}`;
        if (/^[A-Za-z]$/.test(e)) return one(e) ?? whole;
        return whole;
      }
      if (letter === undefined) return whole;
      if (
        (dateOnly && (timeElements.includes(letter) || 'zZ'.includes(letter))) ||
        (timeOnly && (dateElements.includes(letter) || 'zZs'.includes(letter)))
      )
        return whole;
      if (kind === 'datetime' && 'zZ'.includes(letter)) return whole;
      return one(letter) ?? whole;
    },
  );
}

const plain = (kind: 'date' | 'time' | 'datetime') => (format: string, value: bigint | number) => {
  const local = kind === 'date' ? BigInt(value) * DAY_US : (value as bigint);
  return formatMoment(format, kind, { local, offset: 0, zone: 'UTC', instant: local });
};

export const formatTimeFunctions: readonly NativeFunction[] = [
  native('gs_format_date', ['text', 'date'], 'text', plain('date')),
  native('gs_format_time', ['text', 'time'], 'text', plain('time')),
  native('gs_format_datetime', ['text', 'datetime'], 'text', plain('datetime')),
  native('gs_format_timestamp', ['text', 'timestamp', 'text'], 'text', (format: string, instant: bigint, zone: string) => {
    const offset = offsetAt(zone, instant);
    return formatMoment(format, 'timestamp', { local: instant + BigInt(offset) * 1_000_000n, offset, zone, instant });
  }),
];
