/**
 * Scalars between their GoogleSQL text and the numbers that storage keeps: days and microseconds since 1970, scaled integers.
 * `undefined` means "this text is no such value"; who asked words the error.
 */
const MICROS_PER_DAY = 86_400_000_000n;
export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;
const NUMERIC_MAX = 10n ** 38n - 1n;
const BIGNUMERIC_MIN = -(2n ** 255n);
const BIGNUMERIC_MAX = 2n ** 255n - 1n;
/** 0001-01-01 and 9999-12-31 in days since 1970. */
const DAY_MIN = -719162;
const DAY_MAX = 2932896;

export function daysFromCivil(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return Math.floor(date.getTime() / 86_400_000);
}

const pad = (n: number, width: number) => String(n).padStart(width, '0');

export function dateText(days: number): string {
  const date = new Date(days * 86_400_000);
  return `${pad(date.getUTCFullYear(), 4)}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`;
}

/** A fraction has six digits or is not there: Google's clients tell the two apart by the length. */
export function timeText(micros: bigint): string {
  const total = Number(micros);
  const seconds = Math.floor(total / 1_000_000);
  const fraction = total % 1_000_000;
  const text = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
  return fraction === 0 ? text : `${text}.${pad(fraction, 6)}`;
}

export function datetimeText(micros: bigint): string {
  let days = micros / MICROS_PER_DAY;
  let rest = micros % MICROS_PER_DAY;
  if (rest < 0n) {
    days--;
    rest += MICROS_PER_DAY;
  }
  return `${dateText(Number(days))}T${timeText(rest)}`;
}

export function dateDays(text: string): number | undefined {
  const m = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text.trim());
  if (!m) return undefined;
  const days = daysFromCivil(Number(m[1]), Number(m[2]), Number(m[3]));
  return days === undefined || days < DAY_MIN || days > DAY_MAX ? undefined : days;
}

export function timeMicros(text: string): bigint | undefined {
  const m = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6})\d*)?$/.exec(text.trim());
  if (!m) return undefined;
  const [hour, minute, second] = [Number(m[1]), Number(m[2]), Number(m[3])];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  return BigInt(hour * 3600 + minute * 60 + second) * 1_000_000n + BigInt((m[4] ?? '').padEnd(6, '0'));
}

export function datetimeMicros(text: string): bigint | undefined {
  const m = /^(\d{4}-\d{1,2}-\d{1,2})(?:[Tt ](.+))?$/.exec(text.trim());
  if (!m) return undefined;
  const days = dateDays(m[1]!);
  const time = m[2] === undefined ? 0n : timeMicros(m[2]);
  return days === undefined || time === undefined ? undefined : BigInt(days) * MICROS_PER_DAY + time;
}

/** RFC 3339 and GoogleSQL's forms: zone as `Z`, `UTC`, `+05`, `+05:30` or an IANA name; none is UTC. */
export function timestampMicros(text: string): bigint | undefined {
  const m =
    /^(\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?)\s*(Z|z|UTC|[+-]\d{1,2}(?::?\d{2})?|[A-Za-z_]+\/[A-Za-z_/+-]+[0-9]*)?$/.exec(
      text.trim(),
    );
  if (!m) return undefined;
  const local = datetimeMicros(m[1]!);
  if (local === undefined) return undefined;
  const zone = m[2];
  if (zone === undefined || /^(z|utc)$/i.test(zone)) return local;
  const offset = /^([+-])(\d{1,2}):?(\d{2})?$/.exec(zone);
  if (offset) {
    const minutes = BigInt(Number(offset[2]) * 60 + Number(offset[3] ?? 0)) * 60_000_000n;
    return offset[1] === '-' ? local + minutes : local - minutes;
  }
  return zonedMicros(local, zone);
}

function zonedMicros(local: bigint, zone: string): bigint | undefined {
  const offsetAt = (millis: number): number | undefined => {
    try {
      const name = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
        .formatToParts(millis)
        .find((part) => part.type === 'timeZoneName')?.value;
      const m = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?/.exec(name ?? '');
      if (!m?.[1]) return 0;
      return (m[1] === '-' ? -1 : 1) * (Number(m[2]) * 3600 + Number(m[3]) * 60 + Number(m[4] ?? 0));
    } catch {
      return undefined;
    }
  };
  const millis = Number(local / 1000n);
  const first = offsetAt(millis);
  if (first === undefined) return undefined;
  const second = offsetAt(millis - first * 1000) ?? first;
  return local - BigInt(second) * 1_000_000n;
}

/** A decimal text as an integer scaled by 10^scale, rounded half away from zero. */
export function scaled(text: string, scale: number): bigint | undefined {
  const m = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?\s*$/.exec(text);
  if (!m || (!m[2] && !m[3])) return undefined;
  const fraction = m[3] ?? '';
  const digits = BigInt((m[2] ?? '') + fraction || '0');
  const shift = scale - fraction.length + Number(m[4] ?? 0);
  if (shift > 200) return digits === 0n ? 0n : undefined;
  let value: bigint;
  if (shift >= 0) value = digits * 10n ** BigInt(shift);
  else {
    const unit = 10n ** BigInt(Math.min(-shift, 400));
    value = digits / unit;
    if ((digits % unit) * 2n >= unit) value++;
  }
  return m[1] === '-' ? -value : value;
}
export const numericOf = (text: string): bigint | undefined => {
  const value = scaled(text, 9);
  return value === undefined || value > NUMERIC_MAX || value < -NUMERIC_MAX ? undefined : value;
};
export const bignumericOf = (text: string): bigint | undefined => {
  const value = scaled(text, 38);
  return value === undefined || value > BIGNUMERIC_MAX || value < BIGNUMERIC_MIN ? undefined : value;
};

/** A scaled integer as BigQuery prints it: no trailing zeros, no exponent. */
export function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`;
}

export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Seconds since 1970 as the float text that BigQuery sends when int64 timestamps were not asked for: `1.6725744E9`. */
export function timestampFloatText(micros: bigint): string {
  if (micros === 0n) return '0.0';
  const negative = micros < 0n;
  const digits = (negative ? -micros : micros).toString();
  const exponent = digits.length - 7;
  const sign = negative ? '-' : '';
  if (exponent >= -3 && exponent < 7) {
    const padded = digits.padStart(7, '0');
    const fraction = padded.slice(-6).replace(/0+$/, '');
    return `${sign}${padded.slice(0, -6)}.${fraction || '0'}`;
  }
  const fraction = digits.slice(1).replace(/0+$/, '');
  return `${sign}${digits[0]}.${fraction || '0'}E${exponent}`;
}

/** Y-M D H:M:S.F, as INTERVAL travels. */
export function intervalText(months: number, days: number, micros: bigint): string {
  const sign = (negative: boolean) => (negative ? '-' : '');
  const abs = Math.abs(months);
  const total = micros < 0n ? -micros : micros;
  const seconds = total / 1_000_000n;
  const fraction = total % 1_000_000n;
  let tail = '';
  if (fraction !== 0n) {
    const six = fraction.toString().padStart(6, '0');
    tail = `.${six.endsWith('000') ? six.slice(0, 3) : six}`;
  }
  const clock = `${seconds / 3600n}:${(seconds / 60n) % 60n}:${seconds % 60n}${tail}`;
  return `${sign(months < 0)}${Math.floor(abs / 12)}-${abs % 12} ${days} ${sign(micros < 0n)}${clock}`;
}

export function intervalOf(text: string): { months: number; days: number; micros: bigint } | undefined {
  const m = /^([+-]?)(\d+)-(\d+)\s+([+-]?\d+)\s+([+-]?)(\d+):(\d+):(\d+)(?:\.(\d{1,6})\d*)?$/.exec(text.trim());
  if (!m) return undefined;
  const months = (Number(m[2]) * 12 + Number(m[3])) * (m[1] === '-' ? -1 : 1);
  const micros = (BigInt(m[6]!) * 3600n + BigInt(m[7]!) * 60n + BigInt(m[8]!)) * 1_000_000n + BigInt((m[9] ?? '').padEnd(6, '0'));
  return { months, days: Number(m[4]), micros: m[5] === '-' ? -micros : micros };
}

const rawJSON = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
type SourceReviver = (key: string, value: unknown, context: { source?: string }) => unknown;
const parseWithSource = JSON.parse as unknown as (text: string, reviver: SourceReviver) => unknown;

const needsSource = /[-0-9]{16}/;
const sortKeys = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sortKeys);
  if ('rawJSON' in value && Object.getPrototypeOf(value) === null) return value;
  const object = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, sortKeys(object[key])]),
  );
};

/** JSON as BigQuery keeps it: no blanks, keys in order, 64-bit integers exact. */
export function normalizedJson(text: string): string | undefined {
  try {
    const value = needsSource.test(text)
      ? parseWithSource(text, (_, parsed, { source }) =>
          typeof parsed === 'number' && !Number.isSafeInteger(parsed) && source && /^-?\d{1,20}$/.test(source) ? rawJSON(source) : parsed,
        )
      : JSON.parse(text);
    return JSON.stringify(sortKeys(value));
  } catch {
    return undefined;
  }
}
