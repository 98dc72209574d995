/**
 * Values as JSON writes them (query parameters, insertAll, newline-delimited files) into values that DuckDB takes.
 *
 * 1. What is accepted per type is what BigQuery accepts: numbers or their text, `true`/`"true"`, base64, RFC 3339 or GoogleSQL text.
 * 2. A value that does not fit is a `Misfit` that names the column; nothing is silently turned into NULL.
 * 3. An array is never NULL and has no NULL elements.
 */
import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { fieldName } from '../../googlesql/sql-type.ts';
import {
  bignumericOf,
  dateDays,
  datetimeMicros,
  INT64_MAX,
  INT64_MIN,
  intervalOf,
  normalizedJson,
  numericOf,
  timeMicros,
  timestampMicros,
} from './text.ts';

export class Misfit extends Error {
  override readonly name = 'Misfit';
  readonly location: string;
  constructor(location: string, message: string) {
    super(message);
    this.location = location;
  }
}

const DECIMAL_INT = /^\s*[+-]?\d+\s*$/;
const clip = (value: unknown) => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
};

export function integerFrom(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string') return undefined;
  if (DECIMAL_INT.test(value)) return BigInt(value.trim().replace(/^\+/, ''));
  const float = /^\s*[+-]?\d+(\.0*)?([eE]\+?\d+)?\s*$/.test(value) ? Number(value) : Number.NaN;
  return Number.isInteger(float) ? BigInt(float) : undefined;
}

export function floatFrom(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const text = value.trim();
  if (/^[+-]?nan$/i.test(text)) return Number.NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

const base64Text = /^[A-Za-z0-9+/\-_\s]*={0,2}\s*$/;

/** A timestamp may come as text, as seconds (number) or, from clients, as an object with `value`. */
function timestampFrom(value: unknown): bigint | undefined {
  if (typeof value === 'number') return BigInt(Math.round(value * 1_000_000));
  if (typeof value === 'bigint') return value * 1_000_000n;
  if (typeof value !== 'string') return undefined;
  if (/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value.trim())) {
    const n = Number(value);
    return Number.isFinite(n) ? BigInt(Math.round(n * 1_000_000)) : undefined;
  }
  return timestampMicros(value);
}

export function valueFromJson(type: SqlType, value: unknown, location: string): DuckDBValue {
  if (type.kind === 'ARRAY') {
    if (value === null || value === undefined) return new DuckDBListValue([]);
    if (!Array.isArray(value)) throw new Misfit(location, `Repeated field must be given as an array: ${location}.`);
    return new DuckDBListValue(
      value.map((element, i) => {
        if (element === null || element === undefined)
          throw new Misfit(location, `Only optional fields can be set to NULL. Field: ${location}; Value: NULL`);
        return valueFromJson(type.element, element, `${location}[${i}]`);
      }),
    );
  }
  if (value === null || value === undefined) return null;
  if (Array.isArray(value) && type.kind !== 'JSON') throw new Misfit(location, `Array specified for non-repeated field: ${location}.`);
  if (type.kind === 'STRUCT') {
    if (typeof value !== 'object') throw new Misfit(location, `This field: ${location} is not a record.`);
    return structFromJson(type, value as Record<string, unknown>, location);
  }
  if (type.kind === 'RANGE') return rangeFromJson(type, value, location);
  // The Node client sends BigQueryDate and its kin as {value: "..."}.
  const plain = typeof value === 'object' && type.kind !== 'JSON' && 'value' in value ? (value as { value: unknown }).value : value;
  const converted = scalarFromJson(type, plain, location);
  if (converted === undefined) throw new Misfit(location, badValue(type, plain, location));
  return converted;
}

function badValue(type: SqlType, value: unknown, location: string): string {
  switch (type.kind) {
    case 'INT64':
      return `Cannot convert value to integer (bad value): ${clip(value)}`;
    case 'FLOAT64':
      return `Cannot convert value to floating point (bad value): ${clip(value)}`;
    case 'BOOL':
      return `Cannot convert value to boolean (bad value): ${clip(value)}`;
    case 'BYTES':
      return `Invalid value: could not decode base64 string to bytes. Field: ${location}; Value: ${clip(value)}`;
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return `Invalid ${type.kind} value: ${clip(value)} Field: ${location}; Value: ${clip(value)}`;
    case 'STRING':
      return `Cannot convert value to string (bad value): ${clip(value)}`;
    default:
      return `Could not parse '${clip(value)}' as a ${type.kind.toLowerCase()}. Field: ${location}; Value: ${clip(value)}`;
  }
}

function structFromJson(type: Extract<SqlType, { kind: 'STRUCT' }>, value: Record<string, unknown>, location: string): DuckDBStructValue {
  const byName = new Map(Object.keys(value).map((key) => [key.toLowerCase(), value[key]]));
  const entries: Record<string, DuckDBValue> = {};
  type.fields.forEach((field, i) => {
    const key = field.name.toLowerCase();
    entries[fieldName(type.fields, i)] = valueFromJson(field.type, byName.get(key), `${location}.${field.name}`);
    byName.delete(key);
  });
  for (const unknown of byName.keys()) throw new Misfit(`${location}.${unknown}`, `no such field: ${location}.${unknown}.`);
  return new DuckDBStructValue(entries);
}

function rangeFromJson(type: Extract<SqlType, { kind: 'RANGE' }>, value: unknown, location: string): DuckDBStructValue {
  let start: unknown;
  let end: unknown;
  if (typeof value === 'string') {
    const m = /^\[\s*(.*?)\s*,\s*(.*?)\s*\)$/.exec(value);
    if (!m) throw new Misfit(location, `Invalid RANGE value: ${clip(value)}`);
    [start, end] = [m[1], m[2]];
  } else {
    ({ start, end } = value as { start?: unknown; end?: unknown });
  }
  const bound = (v: unknown) => (typeof v === 'string' && /^(unbounded|null)$/i.test(v) ? null : valueFromJson(type.element, v, location));
  return new DuckDBStructValue({ start: bound(start), end: bound(end) });
}

function scalarFromJson(type: SqlType, value: unknown, location: string): DuckDBValue | undefined {
  switch (type.kind) {
    case 'INT64': {
      const n = integerFrom(value);
      return n === undefined || n > INT64_MAX || n < INT64_MIN ? undefined : n;
    }
    case 'FLOAT64':
      return floatFrom(value);
    case 'NUMERIC': {
      const n = typeof value === 'object' ? undefined : numericOf(String(value));
      return n === undefined ? undefined : new DuckDBDecimalValue(n, 38, 9);
    }
    case 'BIGNUMERIC':
      return typeof value === 'object' ? undefined : bignumericOf(String(value));
    case 'BOOL': {
      if (typeof value === 'boolean') return value;
      const text = String(value).toLowerCase();
      return text === 'true' || text === 't' || text === '1' ? true : text === 'false' || text === 'f' || text === '0' ? false : undefined;
    }
    case 'STRING':
    case 'GEOGRAPHY':
      return typeof value === 'object' ? undefined : String(value);
    case 'BYTES':
      return typeof value === 'string' && base64Text.test(value) ? new DuckDBBlobValue(Buffer.from(value, 'base64')) : undefined;
    case 'JSON':
      if (typeof value !== 'string') return normalizedJson(JSON.stringify(value));
      return normalizedJson(value);
    case 'DATE': {
      const days = typeof value === 'string' ? dateDays(value) : undefined;
      return days === undefined ? undefined : new DuckDBDateValue(days);
    }
    case 'TIME': {
      const micros = typeof value === 'string' ? timeMicros(value) : undefined;
      return micros === undefined ? undefined : new DuckDBTimeValue(micros);
    }
    case 'DATETIME': {
      const micros = typeof value === 'string' ? datetimeMicros(value.replace(/Z$/, '')) : undefined;
      return micros === undefined ? undefined : new DuckDBTimestampValue(micros);
    }
    case 'TIMESTAMP': {
      const micros = timestampFrom(value);
      return micros === undefined ? undefined : new DuckDBTimestampTZValue(micros);
    }
    case 'INTERVAL': {
      const parts = typeof value === 'string' ? intervalOf(value) : undefined;
      return parts && new DuckDBIntervalValue(parts.months, parts.days, parts.micros);
    }
    default:
      throw new Misfit(location, `Unsupported type ${type.kind} for field ${location}`);
  }
}

/** STRING(n), BYTES(n), NUMERIC(p, s): what the type alone does not say. */
export function checkColumn(column: Column, value: DuckDBValue): void {
  if (value === null || value === undefined) {
    if (column.required) throw new Misfit(column.name, `Missing required field: ${column.name}.`);
    return;
  }
  if (column.maxLength !== undefined) {
    const each = value instanceof DuckDBListValue ? value.items : [value];
    for (const item of each) {
      const length = typeof item === 'string' ? [...item].length : item instanceof DuckDBBlobValue ? item.bytes.length : 0;
      if (length > column.maxLength) {
        throw new Misfit(
          column.name,
          `Field ${column.name}: ${column.type.kind}(${column.maxLength}) has maximum length ${column.maxLength} but got a value with length ${length}`,
        );
      }
    }
  }
  if (column.precision !== undefined && value instanceof DuckDBDecimalValue) {
    const scale = column.scale ?? 0;
    const unit = 10n ** BigInt(9 - scale);
    const magnitude = value.value < 0n ? -value.value : value.value;
    if (magnitude % unit !== 0n || magnitude / unit >= 10n ** BigInt(column.precision)) {
      throw new Misfit(
        column.name,
        `Field ${column.name}: NUMERIC(${column.precision}, ${scale}) has precision ${column.precision} and scale ${scale} but got a value that is not in range`,
      );
    }
  }
}
