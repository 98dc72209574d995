import { WarehouseError } from '@convergence/ports';

/** Our row values as the Storage Write JSON encoder wants them: dates as day numbers, timestamps as microseconds. */
export interface StorageField {
  readonly name: string;
  /** TableFieldSchema.Type, by name or number. */
  readonly type: string | number;
  readonly mode?: string | number;
  readonly fields?: readonly StorageField[];
}
const NUMBERS: Readonly<Record<number, string>> = {
  1: 'STRING',
  2: 'INT64',
  3: 'DOUBLE',
  4: 'STRUCT',
  5: 'BYTES',
  6: 'BOOL',
  7: 'TIMESTAMP',
  8: 'DATE',
  9: 'TIME',
  10: 'DATETIME',
  11: 'GEOGRAPHY',
  12: 'NUMERIC',
  13: 'BIGNUMERIC',
  14: 'INTERVAL',
  15: 'JSON',
};

const named = new WeakMap<readonly StorageField[], ReadonlyMap<string, StorageField>>();
function byName(fields: readonly StorageField[]): ReadonlyMap<string, StorageField> {
  const known = named.get(fields) ?? new Map(fields.map((f) => [f.name.toLowerCase(), f]));
  named.set(fields, known);
  return known;
}

export function storageRow(fields: readonly StorageField[], row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const converted: Record<string, unknown> = {};
  const known = byName(fields);
  for (const [name, value] of Object.entries(row)) {
    const field = known.get(name.toLowerCase());
    if (!field) throw new WarehouseError('invalid', `the table has no column ${name}`);
    if (value === null || value === undefined) continue;
    converted[field.name] = Array.isArray(value) ? value.map((v) => one(field, v)) : one(field, value);
  }
  return converted;
}

function one(field: StorageField, value: unknown): unknown {
  const type = typeof field.type === 'number' ? NUMBERS[field.type] : field.type;
  switch (type) {
    case 'TIMESTAMP':
      return micros(value);
    case 'DATE':
      return typeof value === 'string' ? Math.round(Date.parse(`${value}T00:00:00Z`) / 86_400_000) : value;
    case 'DATETIME':
      return typeof value === 'string' ? value.replace('T', ' ').replace(/Z$/, '') : value;
    case 'NUMERIC':
    case 'BIGNUMERIC':
    case 'STRING':
      return typeof value === 'string' ? value : String(value);
    case 'INT64':
      return typeof value === 'bigint' ? value.toString() : value;
    case 'JSON':
      return typeof value === 'string' ? value : JSON.stringify(value);
    case 'STRUCT':
      return storageRow(field.fields ?? [], value as Readonly<Record<string, unknown>>);
    default:
      return value;
  }
}

/** Microseconds since 1970 of an RFC 3339 text, which may have six digits of a second. */
export function micros(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() * 1000;
  if (typeof value !== 'string') return value;
  const milliseconds = Date.parse(value);
  if (Number.isNaN(milliseconds)) throw new TypeError(`not a timestamp: ${value}`);
  const rest = /\.\d{3}(\d{1,3})/.exec(value)?.[1];
  return milliseconds * 1000 + (rest ? Number(rest.padEnd(3, '0')) : 0);
}
