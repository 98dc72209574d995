/** _ADD, _SUB and _DIFF of dates and times, and the steps of generated arrays. */
import type { IntervalTyped } from '../analyze/interval.ts';
import { type Call, type FunctionSpec, scalar } from './call.ts';
import { DATE_PARTS, DAY_MICROS, MICROS, partOf, TIME_PARTS, unsupportedPart, weekStart } from './date-parts.ts';
import type { Declared } from './signature.ts';

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

export function dateDiff([a, b]: readonly string[], call: Call): string {
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

export function datetimeDiff([a, b]: readonly string[], call: Call): string {
  const { name } = partOf(call, 2);
  const micros = MICROS[name];
  if (!micros) return dateDiff([`CAST(${a} AS DATE)`, `CAST(${b} AS DATE)`], call);
  return `(gs_floor(epoch_us(${a}), ${micros}) - gs_floor(epoch_us(${b}), ${micros}))`;
}

export function spanDiff([a, b]: readonly string[], call: Call): string {
  const { name } = partOf(call, 2);
  const micros = MICROS[name] ?? (name === 'DAY' ? DAY_MICROS : undefined);
  if (!micros) throw unsupportedPart(call, name, 'TIMESTAMP');
  return `((epoch_us(${a}) - epoch_us(${b})) // ${micros})`;
}

export function timeDiff([a, b]: readonly string[], call: Call): string {
  const { name } = partOf(call, 2);
  const micros = MICROS[name];
  if (!micros) throw unsupportedPart(call, name, 'TIME');
  return `(gs_floor(epoch_us(${a}), ${micros}) - gs_floor(epoch_us(${b}), ${micros}))`;
}

export const step = (x: string, b: string, call: Call, i: number, unit: 'DATE' | 'TIMESTAMP'): string => {
  const arg = call.args[i] as Partial<IntervalTyped> | undefined;
  if (!arg) return unit === 'DATE' ? `gs_generate_dates(${x}, ${b}, to_days(1))` : '';
  if (!arg.interval) throw call.fault(`${call.name} needs an interval of one part`);
  const allowed = unit === 'DATE' ? DATE_PARTS : [...TIME_PARTS, 'DAY'];
  if (!allowed.includes(arg.interval.part)) throw unsupportedPart(call, arg.interval.part, unit);
  return unit === 'DATE' ? `gs_generate_dates(${x}, ${b}, ${arg.sql})` : `gs_generate_timestamps(${x}, ${b}, ${arg.sql})`;
};

export const addSub = (prefix: string, kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP'): FunctionSpec[] => {
  const own = (sign: '' | '-'): Declared[] => {
    const rows: Declared[] = [[`${kind}, INTERVAL -> ${kind}`, shift(kind, sign)]];
    for (const other of ['DATETIME', 'TIMESTAMP'] as const)
      if (kind === 'DATE') rows.push([`${other}, INTERVAL -> ${other}`, shift(other, sign)]);
    return rows;
  };
  return [scalar(`${prefix}_ADD`, ...own('')), scalar(`${prefix}_SUB`, ...own('-'))];
};
