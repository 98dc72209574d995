/** A `google.protobuf.DescriptorProto` as the writer sends it: the shape of its rows. */
import { WireReader } from './wire-reader.ts';

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  readonly repeated: boolean;
  readonly required: boolean;
  /** FieldDescriptorProto.Type, 1-18. */
  readonly type: number;
  readonly typeName: string;
}
export interface ProtoMessage {
  readonly name: string;
  readonly fields: readonly ProtoField[];
  readonly nested: ReadonlyMap<string, ProtoMessage>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** `(google.cloud.bigquery.storage.v1.column_name)`: the column's name where it is no legal proto field name. */
const COLUMN_NAME_OPTION = 454943157;

export function readDescriptor(bytes: Uint8Array): ProtoMessage {
  const reader = new WireReader(bytes);
  let name = '';
  const fields: ProtoField[] = [];
  const nested = new Map<string, ProtoMessage>();
  const enums = new Map<string, ReadonlyMap<number, string>>();
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1 && wire === 2) name = reader.string();
    else if (field === 2 && wire === 2) fields.push(readField(reader.bytes()));
    else if (field === 3 && wire === 2) {
      const message = readDescriptor(reader.bytes());
      nested.set(message.name, message);
    } else if (field === 4 && wire === 2) {
      const [enumName, values] = readEnum(reader.bytes());
      enums.set(enumName, values);
    } else reader.skip(wire);
  }
  return { name, fields, nested, enums };
}

function readField(bytes: Uint8Array): ProtoField {
  const reader = new WireReader(bytes);
  const field = { name: '', number: 0, repeated: false, required: false, type: 0, typeName: '' };
  let columnName: string | undefined;
  while (!reader.done) {
    const { field: number, wire } = reader.tag();
    if (number === 1) field.name = reader.string();
    else if (number === 3) field.number = Number(reader.varint());
    else if (number === 4) {
      const label = Number(reader.varint());
      field.repeated = label === 3;
      field.required = label === 2;
    } else if (number === 5) field.type = Number(reader.varint());
    else if (number === 6) field.typeName = reader.string();
    else if (number === 8) columnName = readColumnName(reader.bytes()) ?? columnName;
    else reader.skip(wire);
  }
  if (columnName !== undefined) field.name = columnName;
  return field;
}

function readColumnName(bytes: Uint8Array): string | undefined {
  const reader = new WireReader(bytes);
  let name: string | undefined;
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === COLUMN_NAME_OPTION && wire === 2) name = reader.string();
    else reader.skip(wire);
  }
  return name;
}

function readEnum(bytes: Uint8Array): [string, Map<number, string>] {
  const reader = new WireReader(bytes);
  let name = '';
  const values = new Map<number, string>();
  while (!reader.done) {
    const { field, wire } = reader.tag();
    if (field === 1) name = reader.string();
    else if (field === 2) {
      const value = new WireReader(reader.bytes());
      let label = '';
      let number = 0;
      while (!value.done) {
        const inner = value.tag();
        if (inner.field === 1) label = value.string();
        else if (inner.field === 2) number = Number(BigInt.asIntN(32, value.varint()));
        else value.skip(inner.wire);
      }
      values.set(number, label);
    } else reader.skip(wire);
  }
  return [name, values];
}

/** The message or enum that a field's type name means, looked up from the innermost scope outwards. */
export function resolve(scopes: readonly ProtoMessage[], typeName: string): ProtoMessage | ReadonlyMap<number, string> | undefined {
  const last = typeName.split('.').at(-1)!;
  for (let i = scopes.length - 1; i >= 0; i--) {
    const found = scopes[i]!.nested.get(last) ?? scopes[i]!.enums.get(last);
    if (found) return found;
    if (scopes[i]!.name === last) return scopes[i];
  }
  return undefined;
}
