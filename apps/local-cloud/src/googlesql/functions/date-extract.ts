/** EXTRACT. */
import type { SqlType } from '../contract.ts';
import { DATE, DATETIME, INT64, TIME } from '../sql-type.ts';
import type { Call } from './call.ts';
import { local, partOf, TIME_PARTS, unsupportedPart } from './date-parts.ts';

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

export function extract(kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP' | 'INTERVAL') {
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

export const extractResult = (args: readonly { literal?: unknown }[]): SqlType => {
  const part = args[0]!.literal;
  return part === 'DATE' ? DATE : part === 'TIME' ? TIME : part === 'DATETIME' ? DATETIME : INT64;
};
