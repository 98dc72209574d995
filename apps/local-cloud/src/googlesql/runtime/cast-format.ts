/** CAST ... FORMAT: the format model of SQL (`YYYY-MM-DD HH24:MI:SS`) for dates, numbers and bytes. */
import { DAY_US, fixedOffset, offsetAt, splitMicros } from './calendar.ts';
import { EvaluationFault, type NativeFunction, native } from './define.ts';
import { formatMoment } from './format-time.ts';
import { parseMoment } from './parse-time.ts';
import { utf8 } from './strings.ts';

type Token = { readonly element: string } | { readonly text: string };
const ELEMENTS =
  'YYYY YYY YY Y RRRR RR MONTH MON MM DDD DD DAY DY D HH24 HH12 HH MI SSSSS SS FF1 FF2 FF3 FF4 FF5 FF6 FF7 FF8 FF9 A.M. P.M. AM PM TZH TZM'.split(
    ' ',
  );

function tokens(format: string): Token[] {
  const out: Token[] = [];
  for (let i = 0; i < format.length; ) {
    if (format[i] === '"') {
      const end = format.indexOf('"', i + 1);
      if (end < 0) throw new EvaluationFault(`Cannot find matching " in format string`);
      out.push({ text: format.slice(i + 1, end) });
      i = end + 1;
      continue;
    }
    const rest = format.slice(i).toUpperCase();
    if (rest.startsWith('Y,YYY')) throw new EvaluationFault("Unsupported format element 'Y,YYY'");
    const element = ELEMENTS.find((e) => rest.startsWith(e));
    if (element) {
      out.push({ element: format.slice(i, i + element.length) });
      i += element.length;
    } else if (/[-./,;: 'T]/.test(format[i]!)) out.push({ text: format[i++]! });
    else throw new EvaluationFault(`Cannot find matched format element at ${i}`);
  }
  return out;
}
const cased = (element: string, text: string): string =>
  element === element.toUpperCase()
    ? text.toUpperCase()
    : element[0] === element[0]!.toUpperCase()
      ? text[0]!.toUpperCase() + text.slice(1).toLowerCase()
      : text.toLowerCase();

const STRFTIME: Readonly<Record<string, string>> = {
  YYYY: '%E4Y',
  RRRR: '%E4Y',
  YY: '%y',
  RR: '%y',
  MM: '%m',
  DD: '%d',
  DDD: '%j',
  HH24: '%H',
  HH: '%I',
  HH12: '%I',
  MI: '%M',
  SS: '%S',
};

const DATE_PART = /^[YRMD]/;
type Kind = 'date' | 'time' | 'datetime' | 'timestamp';
/** A DATE has no hour, a TIME no year, and only a TIMESTAMP has a zone. */
function checkElement(element: string, kind: Kind): void {
  const part = element.startsWith('TZ') ? 'zone' : DATE_PART.test(element) && element !== 'MI' ? 'date' : 'time';
  const has = { date: ['date'], time: ['time'], datetime: ['date', 'time'], timestamp: ['date', 'time', 'zone'] }[kind];
  if (!has.includes(part)) throw new EvaluationFault(`${kind.toUpperCase()} does not support '${element}'`);
}

function formatDatetime(local: bigint, format: string, offset: number, kind: Kind): string {
  const moment = { local, offset, zone: 'UTC', instant: local };
  const f = (pattern: string) => formatMoment(pattern, 'timestamp', moment);
  return tokens(format)
    .map((t) => {
      if ('text' in t) return t.text;
      const e = t.element.toUpperCase();
      checkElement(e, kind);
      const sign = offset < 0 ? '-' : '+';
      switch (e) {
        case 'YYY':
          return f('%E4Y').slice(1);
        case 'Y':
          return f('%Y').slice(-1);
        case 'MONTH':
          return cased(t.element, f('%B'));
        case 'MON':
          return cased(t.element, f('%b'));
        case 'DAY':
          return cased(t.element, f('%A'));
        case 'DY':
          return cased(t.element, f('%a'));
        case 'D':
          return String(Number(f('%w')) + 1);
        case 'SSSSS':
          return String(splitMicros(local).time / 1_000_000n).padStart(5, '0');
        case 'AM':
        case 'PM':
          return cased(t.element, f('%p'));
        case 'A.M.':
        case 'P.M.':
          return cased(t.element, f('%p').split('').join('.').concat('.'));
        case 'TZH':
          return sign + String(Math.floor(Math.abs(offset) / 3600)).padStart(2, '0');
        case 'TZM':
          return String(Math.floor(Math.abs(offset) / 60) % 60).padStart(2, '0');
        default: {
          const digits = /^FF(\d)$/.exec(e);
          if (digits)
            return f('%E9S')
              .slice(3, 3 + Number(digits[1]))
              .padEnd(Number(digits[1]), '0');
          return f(STRFTIME[e]!);
        }
      }
    })
    .join('');
}

/** Parsing goes through strptime: the format model is rewritten. A year or month that is not given is the current one. */
function parseDatetime(text: string, format: string, kind: Kind, zone: string): bigint {
  let input = text;
  let pattern = '';
  let offsetPattern = false;
  const model = tokens(format);
  const given = model.map((t) => ('text' in t ? '' : t.element.toUpperCase()));
  if (given.some((e) => e === 'HH' || e === 'HH12') && !given.some((e) => /^[AP]\.?M/.test(e)))
    throw new EvaluationFault(`Format element 'AM' or 'PM' is required when format element 'HH' exists`);
  for (const t of model) {
    if ('text' in t) {
      pattern += t.text.replaceAll('%', '%%');
      continue;
    }
    const e = t.element.toUpperCase();
    if (e === 'MONTH') pattern += '%B';
    else if (e === 'MON') pattern += '%b';
    else if (e === 'AM' || e === 'PM') pattern += '%p';
    else if (e === 'A.M.' || e === 'P.M.') {
      input = input.replace(/([AP])\.M\./i, '$1M');
      pattern += '%p';
    } else if (/^FF\d$/.test(e)) pattern = pattern.endsWith('%S.') ? `${pattern.slice(0, -3)}%E*S` : pattern;
    else if (e === 'TZH') {
      offsetPattern = true;
      pattern += '%z';
    } else if (e === 'TZM') pattern = pattern.endsWith('%z:') ? pattern.slice(0, -1) : pattern;
    else if (STRFTIME[e] && e !== 'DDD') pattern += e === 'YYYY' || e === 'RRRR' ? '%Y' : STRFTIME[e];
    else throw new EvaluationFault(`Format element ${t.element} is not supported for parsing`);
  }
  if (offsetPattern) input = input.replace(/([+-]\d{2})$/, '$1:00');
  const now = new Date();
  return parseMoment(pattern, input, kind, zone, { year: now.getUTCFullYear(), month: now.getUTCMonth() + 1 });
}

function bytesText(b: Uint8Array, format: string): string {
  const buffer = Buffer.from(b);
  switch (format.toUpperCase()) {
    case 'HEX':
    case 'BASE16':
      return buffer.toString('hex');
    case 'BASE64':
    case 'BASE64M':
      return buffer.toString('base64');
    case 'BASE2':
      return [...b].map((x) => x.toString(2).padStart(8, '0')).join('');
    case 'ASCII':
      if (b.some((x) => x > 127)) throw new EvaluationFault('Invalid ASCII value');
      return buffer.toString('latin1');
    case 'UTF-8':
    case 'UTF8':
      return utf8(b, 'Invalid UTF-8 string');
    default:
      throw new EvaluationFault(`Invalid format: ${format}`);
  }
}
function textBytes(t: string, format: string): Uint8Array {
  switch (format.toUpperCase()) {
    case 'HEX':
    case 'BASE16':
      if (!/^([0-9a-fA-F]{2})*$/.test(t)) throw new EvaluationFault('Failed to decode invalid hexadecimal string');
      return Buffer.from(t, 'hex');
    case 'BASE64':
    case 'BASE64M':
      return Buffer.from(t, 'base64');
    case 'ASCII':
      if (/[^\0-\x7f]/.test(t)) throw new EvaluationFault('Failed to decode invalid ASCII string');
      return Buffer.from(t);
    case 'UTF-8':
    case 'UTF8':
      return Buffer.from(t);
    default:
      throw new EvaluationFault(`Invalid format: ${format}`);
  }
}

export const castFormatNatives: readonly NativeFunction[] = [
  native('gs_cast_format_datetime', ['datetime', 'text', 'text'], 'text', (local: bigint, f: string, kind: Kind) =>
    formatDatetime(local, f, 0, kind),
  ),
  native('gs_cast_format_timestamp', ['timestamp', 'text', 'text'], 'text', (t: bigint, f: string, zone: string) => {
    const offset = fixedOffset(zone) ?? offsetAt(zone, t);
    return formatDatetime(t + BigInt(offset) * 1_000_000n, f, offset, 'timestamp');
  }),
  native('gs_cast_parse_date', ['text', 'text'], 'date', (t: string, f: string) => Number(parseDatetime(t, f, 'datetime', 'UTC') / DAY_US)),
  native('gs_cast_parse_time', ['text', 'text'], 'time', (t: string, f: string) => parseDatetime(t, f, 'time', 'UTC')),
  native('gs_cast_parse_datetime', ['text', 'text'], 'datetime', (t: string, f: string) => parseDatetime(t, f, 'datetime', 'UTC')),
  native('gs_cast_parse_timestamp', ['text', 'text', 'text'], 'timestamp', (t: string, f: string, zone: string) =>
    parseDatetime(t, f, 'timestamp', zone),
  ),
  native('gs_cast_bytes_text', ['bytes', 'text'], 'text', bytesText),
  native('gs_cast_bytes', ['text', 'text'], 'bytes', textBytes),
];
