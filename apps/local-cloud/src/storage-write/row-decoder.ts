/**
 * From a writer's descriptor and a table's columns to a function that turns one serialized row into DuckDB values.
 *
 * 1. Every disagreement between descriptor and table is found when the decoder is made, and names the field.
 * 2. What depends on the value (a bad date, a missing required column, a text too long) fails the row with a `Misfit`.
 * 3. A column that the descriptor lacks is NULL, an absent repeated field is the empty array.
 */
import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { checkColumn, Misfit, valueFromJson } from '../bigquery/values/from-json.ts';
import { daysFromCivil, INT64_MAX } from '../bigquery/values/text.ts';
import type { Column, SqlType, StructField } from '../googlesql/contract.ts';
import { fieldName } from '../googlesql/sql-type.ts';
import { type ProtoField, type ProtoMessage, resolve } from './descriptor.ts';
import { text, WireReader } from './wire-reader.ts';

export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch';
}
export type RowDecoder = (row: Uint8Array) => DuckDBValue[];

const DOUBLE = 1;
const FLOAT = 2;
const STRING = 9;
const GROUP = 10;
const MESSAGE = 11;
const BYTES = 12;
const ENUM = 14;
const typeNames = ['', 'double', 'float', 'int64', 'uint64', 'int32', 'fixed64', 'fixed32', 'bool', 'string', 'group', 'message', 'bytes', 'uint32', 'enum', 'sfixed32', 'sfixed64', 'sint32', 'sint64']; // biome-ignore format: one line reads as the enum does
const integers = [3, 4, 5, 6, 7, 13, 15, 16, 17, 18];
const BOOL = 8;

const accepted: Partial<Record<SqlType['kind'], readonly number[]>> = {
  INT64: [...integers, ENUM, BOOL],
  FLOAT64: [DOUBLE, FLOAT, ...integers],
  BOOL: [BOOL, ...integers],
  STRING: [STRING, BYTES, ENUM],
  BYTES: [BYTES, STRING],
  NUMERIC: [STRING, BYTES, DOUBLE, FLOAT, ...integers],
  BIGNUMERIC: [STRING, BYTES, DOUBLE, FLOAT, ...integers],
  DATE: [STRING, ...integers],
  TIME: [STRING, ...integers],
  DATETIME: [STRING, ...integers],
  TIMESTAMP: [STRING, ...integers],
  JSON: [STRING],
  GEOGRAPHY: [STRING],
  INTERVAL: [STRING],
};

type Raw = bigint | number | string | Uint8Array;
interface Slot {
  readonly index: number;
  readonly repeated: boolean;
  readonly type: number;
  readonly convert: (raw: Raw) => DuckDBValue;
}

export function rowDecoder(columns: readonly Column[], descriptor: ProtoMessage): RowDecoder {
  const slots = slotsFor(
    columns.map(({ name, type }) => ({ name, type })),
    descriptor,
    [descriptor],
    'root',
  );
  for (const [i, column] of columns.entries()) {
    if (column.required && ![...slots.values()].some((slot) => slot.index === i)) {
      throw new SchemaMismatch(`The required field ${column.name} is missing in the proto message. Entity: ${column.name}`);
    }
  }
  const checked = columns.flatMap((column, i) =>
    column.required || column.maxLength !== undefined || column.precision !== undefined ? [{ column, i }] : [],
  );
  const lists = columns.flatMap((column, i) => (column.type.kind === 'ARRAY' ? [i] : []));
  return (row) => {
    const values = readMessage(row, slots, columns.length);
    for (const i of lists) values[i] ??= new DuckDBListValue([]);
    for (const { column, i } of checked) checkColumn(column, values[i] ?? null);
    return values;
  };
}

function slotsFor(fields: readonly StructField[], message: ProtoMessage, scopes: readonly ProtoMessage[], path: string): Map<number, Slot> {
  const byName = new Map(fields.map((field, index) => [field.name.toLowerCase(), index]));
  const slots = new Map<number, Slot>();
  const extra: string[] = [];
  for (const proto of message.fields) {
    const index = byName.get(proto.name.toLowerCase());
    if (index === undefined) {
      if (!/^_change_(type|sequence_number)$/i.test(proto.name)) extra.push(proto.name);
      else throw new SchemaMismatch(`${proto.name} is not supported: change data capture is not offered here`);
      continue;
    }
    const at = `${path}.${proto.name}`;
    const type = fields[index]!.type;
    const element = type.kind === 'ARRAY' ? type.element : type;
    if ((type.kind === 'ARRAY') !== proto.repeated) {
      throw new SchemaMismatch(
        `The proto field mismatched with BigQuery field at ${at}, the proto field is ${proto.repeated ? '' : 'not '}repeated, BigQuery field is ${type.kind === 'ARRAY' ? '' : 'not '}repeated`,
      );
    }
    slots.set(proto.number, { index, repeated: proto.repeated, type: proto.type, convert: converter(element, proto, scopes, at) });
  }
  if (extra.length > 0) {
    throw new SchemaMismatch(`Input schema has more fields than BigQuery schema, extra fields: '${extra.join(',')}'`);
  }
  return slots;
}

function converter(type: SqlType, proto: ProtoField, scopes: readonly ProtoMessage[], at: string): (raw: Raw) => DuckDBValue {
  const mismatch = () =>
    new SchemaMismatch(
      `The proto field mismatched with BigQuery field at ${at}, the proto field type ${typeNames[proto.type] ?? 'unknown'}, BigQuery field type ${type.kind}`,
    );
  if (type.kind === 'STRUCT' || type.kind === 'RANGE') {
    const message = proto.type === MESSAGE ? resolve(scopes, proto.typeName) : undefined;
    if (!message || !('fields' in message)) throw mismatch();
    const fields = type.kind === 'STRUCT' ? type.fields : ['start', 'end'].map((name) => ({ name, type: type.element }));
    const slots = slotsFor(fields, message, [...scopes, message], at);
    const names = fields.map((_, i) => fieldName(fields, i));
    return (raw) => {
      const values = readMessage(raw as Uint8Array, slots, fields.length);
      const entries: Record<string, DuckDBValue> = {};
      for (const [i, name] of names.entries())
        entries[name] = values[i] ?? (fields[i]!.type.kind === 'ARRAY' ? new DuckDBListValue([]) : null);
      return new DuckDBStructValue(entries);
    };
  }
  if (!accepted[type.kind]?.includes(proto.type)) throw mismatch();
  if (proto.type === ENUM && type.kind === 'STRING') {
    const labels = resolve(scopes, proto.typeName);
    if (!(labels instanceof Map)) throw mismatch();
    return (raw) => labels.get(Number(raw)) ?? String(raw);
  }
  const name = at.replace(/^root\./, '');
  return (raw) => scalar(type, raw, name);
}

function scalar(type: SqlType, raw: Raw, name: string): DuckDBValue {
  switch (type.kind) {
    case 'INT64': {
      const value = BigInt(raw as bigint);
      if (value > INT64_MAX) throw new Misfit(name, `Value out of range for INT64: ${value} Field: ${name}`);
      return value;
    }
    case 'FLOAT64':
      return Number(raw);
    case 'BOOL':
      return Number(raw) !== 0;
    case 'STRING':
      return typeof raw === 'string' ? raw : text(raw as Uint8Array);
    case 'BYTES':
      return new DuckDBBlobValue(typeof raw === 'string' ? Buffer.from(raw) : Uint8Array.from(raw as Uint8Array));
    case 'NUMERIC':
      return raw instanceof Uint8Array ? new DuckDBDecimalValue(littleEndian(raw), 38, 9) : valueFromJson(type, String(raw), name);
    case 'BIGNUMERIC':
      return raw instanceof Uint8Array ? littleEndian(raw) : valueFromJson(type, String(raw), name);
    case 'DATE':
      return typeof raw === 'string' ? valueFromJson(type, raw, name) : new DuckDBDateValue(Number(raw));
    case 'TIMESTAMP':
      return typeof raw === 'string' ? valueFromJson(type, raw, name) : new DuckDBTimestampTZValue(BigInt(raw as bigint));
    case 'TIME':
      return typeof raw === 'string' ? valueFromJson(type, raw, name) : new DuckDBTimeValue(packedTime(BigInt(raw as bigint)));
    case 'DATETIME':
      return typeof raw === 'string' ? valueFromJson(type, raw, name) : packedDatetime(BigInt(raw as bigint), name);
    default:
      return valueFromJson(type, raw, name);
  }
}

/** ZetaSQL's form of a decimal: two's complement, little endian, as many bytes as it takes. */
function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return BigInt.asIntN(bytes.length * 8, value);
}

/** Packed64TimeMicros: hour, minute, second, microsecond in 5, 6, 6, 20 bits. */
function packedTime(packed: bigint): bigint {
  const part = (shift: bigint, bits: bigint) => (packed >> shift) & ((1n << bits) - 1n);
  return (part(32n, 5n) * 3600n + part(26n, 6n) * 60n + part(20n, 6n)) * 1_000_000n + part(0n, 20n);
}
function packedDatetime(packed: bigint, name: string): DuckDBTimestampValue {
  const part = (shift: bigint, bits: bigint) => Number((packed >> shift) & ((1n << bits) - 1n));
  const days = daysFromCivil(part(46n, 14n), part(42n, 4n), part(37n, 5n));
  if (days === undefined) throw new Misfit(name, `Invalid DATETIME value. Field: ${name}; Value: ${packed}`);
  return new DuckDBTimestampValue(BigInt(days) * 86_400_000_000n + packedTime(packed & ((1n << 37n) - 1n)));
}

function readMessage(bytes: Uint8Array, slots: ReadonlyMap<number, Slot>, width: number): DuckDBValue[] {
  const values: DuckDBValue[] = new Array(width).fill(null);
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const { field, wire } = reader.tag();
    const slot = slots.get(field);
    if (!slot) {
      reader.skip(wire);
      continue;
    }
    if (!slot.repeated) {
      values[slot.index] = slot.convert(readRaw(reader, slot.type, wire));
      continue;
    }
    const items = ((values[slot.index] as DuckDBListValue | null) ?? new DuckDBListValue([])).items as DuckDBValue[];
    if (wire === 2 && slot.type !== STRING && slot.type !== BYTES && slot.type !== MESSAGE) {
      const packed = new WireReader(reader.bytes());
      while (!packed.done) items.push(slot.convert(readRaw(packed, slot.type, -1)));
    } else items.push(slot.convert(readRaw(reader, slot.type, wire)));
    values[slot.index] = new DuckDBListValue(items);
  }
  return values;
}

const wireOf = [-1, 1, 5, 0, 0, 0, 1, 5, 0, 2, 3, 2, 2, 0, 0, 5, 1, 0, 0];

/** `wire` -1: inside a packed field, where every value has the wire type of its declared type. */
function readRaw(reader: WireReader, type: number, wire: number): Raw {
  if (type === GROUP || (wire !== -1 && wireOf[type] !== wire))
    throw new RangeError(`field has wire type ${wire}, not that of ${typeNames[type]}`);
  switch (type) {
    case DOUBLE:
      return reader.double();
    case FLOAT:
      return reader.float();
    case 3:
    case 5:
    case ENUM:
      return BigInt.asIntN(64, reader.varint());
    case 4:
      return reader.varint();
    case 13:
      return BigInt.asUintN(32, reader.varint());
    case BOOL:
      return reader.varint() === 0n ? 0n : 1n;
    case 17:
    case 18: {
      const zigzag = reader.varint();
      return (zigzag >> 1n) ^ -(zigzag & 1n);
    }
    case 6:
      return reader.fixed64();
    case 16:
      return BigInt.asIntN(64, reader.fixed64());
    case 7:
      return BigInt(reader.fixed32());
    case 15:
      return BigInt(reader.fixed32() | 0);
    case STRING:
      return reader.string();
    default:
      return reader.bytes();
  }
}
