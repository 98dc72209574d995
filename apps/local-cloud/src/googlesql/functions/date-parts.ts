/** Date parts as they are written, the zone that a wall clock stands in, and which parts a type has. */
import { fixedOffset, isZone } from '../runtime/calendar.ts';
import type { Call } from './call.ts';

export const UTC = "'UTC'";

/** Wall-clock time of an instant. */
export function local(ts: string, call: Call, zone: number): string {
  const arg = call.args[zone];
  if (!arg) return `(${ts} AT TIME ZONE ${UTC})`;
  if (typeof arg.literal === 'string') {
    if (!isZone(arg.literal)) throw call.fault(`Invalid time zone: ${arg.literal}`);
    if (fixedOffset(arg.literal) === 0) return `(${ts} AT TIME ZONE ${UTC})`;
    if (fixedOffset(arg.literal) === undefined) return `(${ts} AT TIME ZONE ${arg.sql})`;
  }
  return `gs_zone_local(${ts}, ${arg.sql})`;
}

export function instant(datetime: string, call: Call, zone: number): string {
  const arg = call.args[zone];
  if (!arg) return `(${datetime} AT TIME ZONE ${UTC})`;
  if (typeof arg.literal === 'string' && !isZone(arg.literal)) throw call.fault(`Invalid time zone: ${arg.literal}`);
  return `gs_zone_instant(${datetime}, ${arg.sql})`;
}

const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];

export function partOf(call: Call, i: number): { name: string; first: number } {
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

export const unsupportedPart = (call: Call, part: string, type: string) =>
  call.fault(`Unsupported date part ${part} for ${type} in function ${call.name}`);

export const MICROS: Readonly<Record<string, string>> = {
  MICROSECOND: '1',
  MILLISECOND: '1000',
  SECOND: '1000000',
  MINUTE: '60000000',
  HOUR: '3600000000',
};

export const DAY_MICROS = '86400000000';

export const TIME_PARTS = ['HOUR', 'MINUTE', 'SECOND', 'MILLISECOND', 'MICROSECOND'];

export const DATE_PARTS = ['DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR'];

export const weekStart = (d: string, first: number) => `(${d} - CAST((dayofweek(${d}) - ${first} + 7) % 7 AS INTEGER))`;
