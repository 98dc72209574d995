/** The messages of AppendRows, read and written by hand: they are the hot path, and the writer's descriptor must arrive unchanged. */
import protobuf from 'protobufjs';
import type { FieldSchema } from '../bigquery/catalog/table-schema.ts';
import { WireReader } from './wire-reader.ts';

export interface AppendRequest {
  readonly stream: string;
  readonly offset?: number;
  /** A serialized DescriptorProto: in the first request of a connection and whenever it changes. */
  readonly schema?: Uint8Array;
  readonly rows: readonly Uint8Array[];
  readonly arrow: boolean;
  /** The request asks that columns it leaves out take their default value. */
  readonly wantsDefaults: boolean;
}

export function readAppendRequest(bytes: Uint8Array): AppendRequest {
  const reader = new WireReader(bytes);
  const request: { -readonly [K in keyof AppendRequest]: AppendRequest[K] } = { stream: '', rows: [], arrow: false, wantsDefaults: false };
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 2) request.stream = reader.string();
    else if (field === 2 && wire === 2) request.offset = readInt64Value(reader.bytes());
    else if (field === 4 && wire === 2) readProtoData(reader.bytes(), request);
    else if (field === 5) {
      request.arrow = true;
      reader.skip(wire);
    } else if (field === 7 && wire === 2) {
      request.wantsDefaults ||= mapValue(reader.bytes()) === 2;
    } else if (field === 8 && wire === 0) request.wantsDefaults ||= reader.varint() === 2n;
    else reader.skip(wire);
  }
  return request;
}

function readInt64Value(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let value = 0n;
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 0) value = BigInt.asIntN(64, reader.varint());
    else reader.skip(wire);
  }
  return Number(value);
}

function mapValue(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let value = 0;
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 2 && wire === 0) value = Number(reader.varint());
    else reader.skip(wire);
  }
  return value;
}

function readProtoData(bytes: Uint8Array, request: { schema?: Uint8Array; rows: readonly Uint8Array[] }): void {
  const reader = new WireReader(bytes);
  const rows: Uint8Array[] = [];
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 2) {
      const schema = new WireReader(reader.bytes());
      while (!schema.done) {
        const inner = schema.tag();
        if (inner.field === 1 && inner.wire === 2) request.schema = schema.bytes();
        else schema.skip(inner.wire);
      }
    } else if (field === 2 && wire === 2) {
      const list = new WireReader(reader.bytes());
      while (!list.done) {
        const inner = list.tag();
        if (inner.field === 1 && inner.wire === 2) rows.push(list.bytes());
        else list.skip(inner.wire);
      }
    } else reader.skip(wire);
  }
  request.rows = rows;
}

export interface AppendFailure {
  readonly code: number;
  readonly message: string;
  /** google.cloud.bigquery.storage.v1.StorageError.StorageErrorCode */
  readonly storageCode?: number;
  readonly entity?: string;
  readonly rowErrors?: readonly { readonly index: number; readonly message: string }[];
}

const APPEND_RESULT = 1;
const ERROR = 2;
const UPDATED_SCHEMA = 3;
const ROW_ERRORS = 4;
const WRITE_STREAM = 5;
const lengthDelimited = (field: number) => (field << 3) | 2;

/** `offset` undefined for the default stream, which has none. */
export function writeAppendResult(stream: string, offset: number | undefined, updated: Uint8Array | undefined): Uint8Array {
  const writer = protobuf.Writer.create().uint32(lengthDelimited(APPEND_RESULT)).fork();
  if (offset !== undefined) {
    writer.uint32(lengthDelimited(1)).fork();
    if (offset !== 0) writer.uint32(8).int64(offset);
    writer.ldelim();
  }
  writer.ldelim();
  if (updated) writer.uint32(lengthDelimited(UPDATED_SCHEMA)).bytes(updated);
  return writer.uint32(lengthDelimited(WRITE_STREAM)).string(stream).finish();
}

export function writeAppendFailure(stream: string, failure: AppendFailure): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(lengthDelimited(ERROR)).fork().uint32(8).int32(failure.code).uint32(lengthDelimited(2)).string(failure.message);
  if (failure.storageCode !== undefined) {
    writer.uint32(lengthDelimited(3)).fork();
    writer.uint32(lengthDelimited(1)).string('type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError');
    writer
      .uint32(lengthDelimited(2))
      .bytes(storageError(failure.storageCode, failure.entity ?? '', failure.message))
      .ldelim();
  }
  writer.ldelim();
  for (const { index, message } of failure.rowErrors ?? []) {
    writer
      .uint32(lengthDelimited(ROW_ERRORS))
      .fork()
      .uint32(8)
      .int64(index)
      .uint32(16)
      .int32(1)
      .uint32(lengthDelimited(3))
      .string(message)
      .ldelim();
  }
  return writer.uint32(lengthDelimited(WRITE_STREAM)).string(stream).finish();
}

export function storageError(code: number, entity: string, message: string): Uint8Array {
  return protobuf.Writer.create()
    .uint32(8)
    .int32(code)
    .uint32(lengthDelimited(2))
    .string(entity)
    .uint32(lengthDelimited(3))
    .string(message)
    .finish();
}

const storageTypes: Record<string, number> = { STRING: 1, INTEGER: 2, FLOAT: 3, RECORD: 4, BYTES: 5, BOOLEAN: 6, TIMESTAMP: 7, DATE: 8, TIME: 9, DATETIME: 10, GEOGRAPHY: 11, NUMERIC: 12, BIGNUMERIC: 13, INTERVAL: 14, JSON: 15, RANGE: 16 }; // biome-ignore format: one line
const storageModes: Record<string, number> = { NULLABLE: 1, REQUIRED: 2, REPEATED: 3 };

export interface StorageField {
  name: string;
  type: number;
  mode: number;
  fields?: StorageField[];
  description?: string;
  defaultValueExpression?: string;
  rangeElementType?: { type: number };
}
/** The TableSchema message of the Storage API, as an object for protobufjs. */
export function storageSchema(fields: readonly FieldSchema[]): { fields: StorageField[] } {
  return {
    fields: fields.map((field) => ({
      name: field.name,
      type: storageTypes[field.type] ?? 0,
      mode: storageModes[field.mode ?? 'NULLABLE'] ?? 1,
      ...(field.fields ? storageSchema(field.fields) : {}),
      ...(field.description === undefined ? {} : { description: field.description }),
      ...(field.defaultValueExpression === undefined ? {} : { defaultValueExpression: field.defaultValueExpression }),
      ...(field.rangeElementType ? { rangeElementType: { type: storageTypes[field.rangeElementType.type] ?? 0 } } : {}),
    })),
  };
}
