/**
 * Rows as REST gives them (`f`, `v`, every scalar a string) to plain objects.
 *
 * 1. INT64 is a number when it is a safe one, else a string. 2. NUMERIC, DATE, TIME, DATETIME and JSON stay text. 3. TIMESTAMP is
 * RFC 3339 in UTC, with microseconds when there are any.
 */
import type { Row } from '@convergence/ports';
import type { RestField } from './sql-type.ts';

export interface RestRow {
  readonly f: readonly { readonly v: unknown }[];
}
type Decode = (value: unknown) => unknown;

export function rowDecoder(fields: readonly RestField[]): (row: RestRow) => Row {
  const columns = fields.map((field) => ({ name: field.name, decode: nullable(field) }));
  return (row) => {
    const decoded: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i += 1) {
      const column = columns[i]!;
      decoded[column.name] = column.decode(row.f[i]?.v);
    }
    return decoded;
  };
}

function nullable(field: RestField): Decode {
  const one = decoder(field);
  if (field.mode === 'REPEATED') return (value) => ((value ?? []) as { v: unknown }[]).map((item) => one(item.v));
  return (value) => (value === null || value === undefined ? null : one(value));
}

function decoder(field: RestField): Decode {
  switch (field.type) {
    case 'INTEGER':
    case 'INT64':
      return (value) => {
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : String(value);
      };
    case 'FLOAT':
    case 'FLOAT64':
      return (value) =>
        value === '-Infinity' || value === '-inf'
          ? Number.NEGATIVE_INFINITY
          : value === 'Infinity' || value === 'inf'
            ? Number.POSITIVE_INFINITY
            : Number(value);
    case 'BOOLEAN':
    case 'BOOL':
      return (value) => value === true || value === 'true';
    case 'BYTES':
      return (value) => Buffer.from(String(value), 'base64');
    case 'TIMESTAMP':
      return (value) => timestamp(String(value));
    case 'RECORD':
    case 'STRUCT': {
      const decode = rowDecoder(field.fields ?? []);
      return (value) => decode(value as RestRow);
    }
    default:
      return String;
  }
}

/** From microseconds since 1970, as text. */
function timestamp(micros: string): string {
  if (!/^-?\d+$/.test(micros)) throw new TypeError(`not a timestamp in microseconds: ${micros}`);
  const whole = Number(micros);
  if (!Number.isSafeInteger(whole)) throw new RangeError(`timestamp out of range: ${micros}`);
  const milliseconds = Math.floor(whole / 1000);
  const rest = whole - milliseconds * 1000;
  const text = new Date(milliseconds).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
