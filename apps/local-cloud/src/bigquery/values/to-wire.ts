/**
 * DuckDB values into the cells of BigQuery's REST answers: `{v: "..."}`, every scalar a string.
 *
 * 1. Driven by the GoogleSQL type; the DuckDB value is trusted to have exactly its physical type.
 * 2. Timestamps are kept as int64 microseconds; `withFloatTimestamps` rewrites rows for callers that did not ask for those.
 */
import type {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  DuckDBValue,
} from '@duckdb/node-api';
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { dateText, datetimeText, decimalText, floatText, intervalText, timestampFloatText, timeText } from './text.ts';

export interface Cell {
  v: CellValue;
}
export type CellValue = string | null | Cell[] | WireRow;
export interface WireRow {
  f: Cell[];
}

type Encode = (value: DuckDBValue) => CellValue;
const base64 = (value: DuckDBValue) => {
  const { bytes } = value as DuckDBBlobValue;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
};

function encoder(type: SqlType): Encode {
  switch (type.kind) {
    case 'ARRAY': {
      const element = encoder(type.element);
      return (value) =>
        value === null ? [] : (value as DuckDBListValue).items.map((item) => ({ v: item === null ? null : element(item) }));
    }
    case 'STRUCT': {
      const fields = type.fields.map((field) => nullable(field.type));
      return (value) => {
        const values = Object.values((value as DuckDBStructValue).entries);
        return { f: fields.map((encode, i) => ({ v: encode(values[i] ?? null) })) };
      };
    }
    case 'RANGE': {
      const bound = encoder(type.element);
      return (value) => {
        const { start, end } = (value as DuckDBStructValue).entries as { start: DuckDBValue; end: DuckDBValue };
        return `[${start === null ? 'UNBOUNDED' : bound(start)}, ${end === null ? 'UNBOUNDED' : bound(end)})`;
      };
    }
    case 'INT64':
    case 'BOOL':
      return String;
    case 'FLOAT64':
      return (value) => floatText(value as number);
    case 'NUMERIC':
      return (value) => decimalText((value as DuckDBDecimalValue).value, 9);
    case 'BIGNUMERIC':
      return (value) => decimalText(value as bigint, 38);
    case 'BYTES':
      return base64;
    case 'DATE':
      return (value) => dateText((value as DuckDBDateValue).days);
    case 'TIME':
      return (value) => timeText((value as DuckDBTimeValue).micros);
    case 'DATETIME':
      return (value) => datetimeText((value as DuckDBTimestampValue).micros);
    case 'TIMESTAMP':
      return (value) => String((value as DuckDBTimestampTZValue).micros);
    case 'INTERVAL':
      return (value) => {
        const { months, days, micros } = value as DuckDBIntervalValue;
        return intervalText(months, days, micros);
      };
    default:
      return (value) => value as string;
  }
}
const nullable = (type: SqlType): Encode => {
  const encode = encoder(type);
  return type.kind === 'ARRAY' ? encode : (value) => (value === null ? null : encode(value));
};

export function rowEncoder(columns: readonly Column[]): (row: readonly DuckDBValue[]) => WireRow {
  const encoders = columns.map((column) => nullable(column.type));
  return (row) => ({ f: encoders.map((encode, i) => ({ v: encode(row[i] ?? null) })) });
}

/** What a row takes in memory, about. */
export function weightOf(row: WireRow): number {
  let weight = 0;
  for (const { v } of row.f) weight += cellWeight(v);
  return weight;
}
function cellWeight(v: CellValue): number {
  if (v === null) return 40;
  if (typeof v === 'string') return 56 + v.length;
  if (!Array.isArray(v)) return 40 + weightOf(v);
  let weight = 40;
  for (const cell of v) weight += cellWeight(cell.v);
  return weight;
}

const hasTimestamp = (type: SqlType): boolean =>
  type.kind === 'TIMESTAMP' ||
  ((type.kind === 'ARRAY' || type.kind === 'RANGE') && hasTimestamp(type.element)) ||
  (type.kind === 'STRUCT' && type.fields.some((field) => hasTimestamp(field.type)));

function floated(type: SqlType, v: CellValue): CellValue {
  if (v === null) return v;
  switch (type.kind) {
    case 'TIMESTAMP':
      return timestampFloatText(BigInt(v as string));
    case 'ARRAY':
      return (v as Cell[]).map((cell) => ({ v: floated(type.element, cell.v) }));
    case 'STRUCT':
      return { f: (v as WireRow).f.map((cell, i) => ({ v: floated(type.fields[i]!.type, cell.v) })) };
    case 'RANGE':
      return type.element.kind === 'TIMESTAMP' ? (v as string).replace(/-?\d+/g, (micros) => timestampFloatText(BigInt(micros))) : v;
    default:
      return v;
  }
}

export function withFloatTimestamps(columns: readonly Column[], rows: readonly WireRow[]): readonly WireRow[] {
  if (!columns.some((column) => hasTimestamp(column.type))) return rows;
  return rows.map((row) => ({ f: row.f.map((cell, i) => ({ v: floated(columns[i]!.type, cell.v) })) }));
}
