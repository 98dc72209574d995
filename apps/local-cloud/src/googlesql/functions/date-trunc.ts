import type { Call } from './call.ts';
import { instant, local, MICROS, partOf, TIME_PARTS, unsupportedPart, weekStart } from './date-parts.ts';

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

export function trunc(kind: 'DATE' | 'TIME' | 'DATETIME' | 'TIMESTAMP') {
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

export function lastDay([x]: readonly string[], call: Call): string {
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
