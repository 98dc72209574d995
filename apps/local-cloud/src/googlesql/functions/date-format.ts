import type { Call } from './call.ts';
import { UTC } from './date-parts.ts';

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

export function format(native: string, time: boolean) {
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
