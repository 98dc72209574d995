/** INTERVAL texts: `1-2 3 4:5:6.7`, and the shorter forms of `INTERVAL '...' PART TO PART`. */
export interface IntervalParts {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

const ORDER = ['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND'];

function timeMicros(sign: string | undefined, h = '0', m = '0', s = '0', fraction = ''): bigint {
  const micros = (BigInt(h) * 3600n + BigInt(m) * 60n + BigInt(s)) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
  return sign === '-' ? -micros : micros;
}

export function parseInterval(text: string, from: string, to?: string): IntervalParts | undefined {
  const t = text.trim();
  if (!to) {
    if (from === 'SECOND') {
      const found = /^([+-]?)(\d+)(?:\.(\d{1,9}))?$/.exec(t);
      return found ? { months: 0, days: 0, micros: timeMicros(found[1], '0', '0', found[2], found[3]) } : undefined;
    }
    if (!/^[+-]?\d{1,10}$/.test(t)) return undefined;
    const n = Number(t);
    const months = { YEAR: 12, QUARTER: 3, MONTH: 1 }[from];
    if (months) return { months: n * months, days: 0, micros: 0n };
    const days = { WEEK: 7, DAY: 1 }[from];
    if (days) return { months: 0, days: n * days, micros: 0n };
    const micros = { HOUR: 3_600_000_000n, MINUTE: 60_000_000n, MILLISECOND: 1000n, MICROSECOND: 1n }[from];
    return micros === undefined ? undefined : { months: 0, days: 0, micros: BigInt(n) * micros };
  }
  const first = ORDER.indexOf(from);
  const last = ORDER.indexOf(to);
  if (first < 0 || last <= first) return undefined;
  const patterns = ['(\\d+)', '(\\d+)', '([+-]?\\d+)', '(\\d+)', '(\\d+)', '(\\d+)(?:\\.(\\d{1,9}))?'];
  let pattern = '^';
  for (let i = first; i <= last; i++) {
    if (i > first) pattern += i === 1 ? '-' : i <= 3 ? '\\s+' : ':';
    if (i === 0 || (i === first && i === 1)) pattern += '([+-]?)';
    if (i === 3 || (i === first && i > 3)) pattern += '([+-]?)';
    pattern += patterns[i];
  }
  const found = new RegExp(`${pattern}$`).exec(t);
  if (!found) return undefined;
  const values = found.slice(1);
  let months = 0;
  let days = 0;
  let k = 0;
  if (first <= 1) {
    const sign = values[k++] === '-' ? -1 : 1;
    if (first === 0) months += 12 * Number(values[k++]);
    if (last >= 1) months += Number(values[k++]);
    months *= sign;
  }
  if (first <= 2 && last >= 2) days = Number(values[k++]);
  let micros = 0n;
  if (last >= 3) {
    const sign = values[k++];
    const parts: Record<number, string | undefined> = {};
    for (let i = Math.max(3, first); i <= last; i++) parts[i] = values[k++];
    micros = timeMicros(sign, parts[3], parts[4], parts[5], last === 5 ? values[k] : undefined);
  }
  return { months, days, micros };
}

/** GoogleSQL's canonical text: `[sign]Y-M [sign]D [sign]H:M:S[.F]`. */
export function formatInterval({ months, days, micros }: IntervalParts): string {
  const m = Math.abs(months);
  const us = micros < 0n ? -micros : micros;
  const fraction = us % 1_000_000n;
  const seconds = us / 1_000_000n;
  let text = `${months < 0 ? '-' : ''}${Math.floor(m / 12)}-${m % 12} ${days} ${micros < 0n ? '-' : ''}${seconds / 3600n}:${(seconds / 60n) % 60n}:${seconds % 60n}`;
  if (fraction > 0n) {
    const digits = fraction.toString().padStart(6, '0');
    text += `.${digits.endsWith('000') ? digits.slice(0, 3) : digits}`;
  }
  return text;
}

/** ISO 8601 of the canonical text `Y-M D H:M:S`: every part has its own sign, absent parts are left out. */
export function isoInterval(text: string): string {
  const found = /^(-?)(\d+)-(\d+) (-?\d+) (-?)(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text);
  if (!found) return text;
  const part = (sign: string, digits: string, unit: string) =>
    Number(digits) === 0 ? '' : `${sign}${digits.replace(/(\.\d*?)0+$/, '$1')}${unit}`;
  const [, ym, y, m, d, hms, h, min, s] = found as unknown as string[];
  const date = part(ym!, y!, 'Y') + part(ym!, m!, 'M') + part('', d!, 'D');
  const time = part(hms!, h!, 'H') + part(hms!, min!, 'M') + part(hms!, s!, 'S');
  return date === '' && time === '' ? 'P0Y' : `P${date}${time ? `T${time}` : ''}`;
}
