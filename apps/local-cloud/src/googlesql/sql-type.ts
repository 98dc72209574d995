/**
 * GoogleSQL types: their names, their DuckDB counterparts, and what converts to what without being asked.
 *
 * 1. `physicalType` is total and injective enough that two different GoogleSQL types never share a wrong reading.
 * 2. Field names of a DuckDB struct are made unique by position, because GoogleSQL allows empty and repeated ones.
 * 3. BIGNUMERIC is an arbitrary-precision integer scaled by 10^38: exact in BigQuery's whole range, ordered as its value.
 */
import type { SqlType, StructField } from './contract.ts';
import type { TypeNode } from './parse/ast.ts';
import { parseType as parseTypeNode } from './parse/expression.ts';
import { SyntaxFault } from './parse/fault.ts';
import { parseQuery } from './parse/query.ts';
import { Stream } from './parse/stream.ts';

export type ScalarKind = Exclude<SqlType['kind'], 'ARRAY' | 'STRUCT' | 'RANGE'>;
const scalar = (kind: ScalarKind): SqlType => ({ kind });
export const INT64 = scalar('INT64');
export const FLOAT64 = scalar('FLOAT64');
export const NUMERIC = scalar('NUMERIC');
export const BIGNUMERIC = scalar('BIGNUMERIC');
export const BOOL = scalar('BOOL');
export const STRING = scalar('STRING');
export const BYTES = scalar('BYTES');
export const DATE = scalar('DATE');
export const TIME = scalar('TIME');
export const DATETIME = scalar('DATETIME');
export const TIMESTAMP = scalar('TIMESTAMP');
export const JSON_TYPE = scalar('JSON');
export const INTERVAL = scalar('INTERVAL');
export const arrayOf = (element: SqlType): SqlType => ({ kind: 'ARRAY', element });
export const structOf = (fields: readonly StructField[]): SqlType => ({ kind: 'STRUCT', fields });

const ALIASES: Readonly<Record<string, ScalarKind>> = {
  INT64: 'INT64',
  INT: 'INT64',
  INTEGER: 'INT64',
  BIGINT: 'INT64',
  SMALLINT: 'INT64',
  TINYINT: 'INT64',
  BYTEINT: 'INT64',
  FLOAT64: 'FLOAT64',
  FLOAT: 'FLOAT64',
  NUMERIC: 'NUMERIC',
  DECIMAL: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  BIGDECIMAL: 'BIGNUMERIC',
  BOOL: 'BOOL',
  BOOLEAN: 'BOOL',
  STRING: 'STRING',
  BYTES: 'BYTES',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'DATETIME',
  TIMESTAMP: 'TIMESTAMP',
  JSON: 'JSON',
  INTERVAL: 'INTERVAL',
  GEOGRAPHY: 'GEOGRAPHY',
};
const PHYSICAL: Readonly<Record<ScalarKind, string>> = {
  INT64: 'BIGINT',
  FLOAT64: 'DOUBLE',
  NUMERIC: 'DECIMAL(38,9)',
  BIGNUMERIC: 'BIGNUM',
  BOOL: 'BOOLEAN',
  STRING: 'VARCHAR',
  BYTES: 'BLOB',
  DATE: 'DATE',
  TIME: 'TIME',
  DATETIME: 'TIMESTAMP',
  TIMESTAMP: 'TIMESTAMPTZ',
  JSON: 'VARCHAR',
  INTERVAL: 'INTERVAL',
  GEOGRAPHY: 'VARCHAR',
};

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The DuckDB field name of field `i`. */
export function fieldName(fields: readonly StructField[], i: number): string {
  const name = fields[i]!.name;
  const lower = name.toLowerCase();
  if (name !== '' && fields.findIndex((f) => f.name.toLowerCase() === lower) === i && !/^_field_\d+$/.test(lower)) return name;
  return `_field_${i + 1}`;
}

export function physicalType(type: SqlType): string {
  switch (type.kind) {
    case 'ARRAY':
      return `${physicalType(type.element)}[]`;
    case 'RANGE':
      return `STRUCT("start" ${physicalType(type.element)}, "end" ${physicalType(type.element)})`;
    case 'STRUCT':
      if (type.fields.length === 0) return 'STRUCT("_empty" BOOLEAN)';
      return `STRUCT(${type.fields.map((f, i) => `${quote(fieldName(type.fields, i))} ${physicalType(f.type)}`).join(', ')})`;
    default:
      return PHYSICAL[type.kind];
  }
}

export function formatType(type: SqlType): string {
  if (type.kind === 'ARRAY' || type.kind === 'RANGE') return `${type.kind}<${formatType(type.element)}>`;
  if (type.kind === 'STRUCT') return `STRUCT<${type.fields.map((f) => (f.name ? `${f.name} ` : '') + formatType(f.type)).join(', ')}>`;
  return type.kind;
}

/** Precision and length parameters are kept by the column, not by the type. */
export function typeFromNode(node: TypeNode): SqlType {
  if (node.k === 'array') {
    const element = typeFromNode(node.element);
    if (element.kind === 'ARRAY') throw new SyntaxFault('Arrays of arrays are not supported', node.at);
    return arrayOf(element);
  }
  if (node.k === 'range') {
    const element = typeFromNode(node.element);
    if (!['DATE', 'DATETIME', 'TIMESTAMP'].includes(element.kind)) {
      throw new SyntaxFault(`Invalid RANGE element type ${formatType(element)}`, node.at);
    }
    return { kind: 'RANGE', element };
  }
  if (node.k === 'struct') return structOf(node.fields.map((f) => ({ name: f.name, type: typeFromNode(f.type) })));
  const kind = ALIASES[node.name.toUpperCase()];
  if (!kind) throw new SyntaxFault(`Type not found: ${node.name}`, node.at);
  if (kind === 'GEOGRAPHY') throw new SyntaxFault('Type GEOGRAPHY is not supported', node.at, 'unsupported');
  return scalar(kind);
}

export function parseType(text: string): SqlType {
  const s = new Stream(text, parseQuery);
  const node = parseTypeNode(s);
  s.end();
  return typeFromNode(node);
}

export function sameType(a: SqlType, b: SqlType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  if (a.kind === 'ARRAY' || a.kind === 'RANGE') return sameType(a.element, (b as typeof a).element);
  if (a.kind === 'STRUCT') {
    const other = (b as typeof a).fields;
    return a.fields.length === other.length && a.fields.every((f, i) => sameType(f.type, other[i]!.type));
  }
  return true;
}
/** Same type and the same physical field names: no conversion needed. */
export function identicalType(a: SqlType, b: SqlType): boolean {
  return a === b || (a.kind === b.kind && physicalType(a) === physicalType(b));
}

const WIDENING: Readonly<Partial<Record<ScalarKind, readonly ScalarKind[]>>> = {
  INT64: ['FLOAT64', 'NUMERIC', 'BIGNUMERIC'],
  NUMERIC: ['BIGNUMERIC', 'FLOAT64'],
  BIGNUMERIC: ['FLOAT64'],
  DATE: ['DATETIME', 'TIMESTAMP'],
};
/** What any value of the type converts to implicitly. */
export function widens(from: SqlType, to: SqlType): boolean {
  if (sameType(from, to)) return true;
  if (from.kind === 'STRUCT' && to.kind === 'STRUCT') {
    return from.fields.length === to.fields.length && from.fields.every((f, i) => widens(f.type, to.fields[i]!.type));
  }
  return (WIDENING[from.kind as ScalarKind] ?? []).includes(to.kind as ScalarKind) && !(from.kind === 'DATE' && to.kind === 'TIMESTAMP');
}
/** What a literal (or parameter) of the type converts to besides. */
const LITERAL: Readonly<Partial<Record<ScalarKind, readonly ScalarKind[]>>> = {
  STRING: ['DATE', 'TIME', 'DATETIME', 'TIMESTAMP'],
  FLOAT64: ['NUMERIC', 'BIGNUMERIC'],
};
export function literalCoerces(from: SqlType, to: SqlType, parameter: boolean): boolean {
  if (parameter && from.kind === 'FLOAT64') return false;
  return (LITERAL[from.kind as ScalarKind] ?? []).includes(to.kind as ScalarKind);
}

const RANK: Readonly<Partial<Record<ScalarKind, number>>> = { INT64: 0, NUMERIC: 1, BIGNUMERIC: 2, FLOAT64: 3 };
export function isNumeric(type: SqlType): boolean {
  return RANK[type.kind as ScalarKind] !== undefined;
}
/** The least type that both widen to. */
export function superType(a: SqlType, b: SqlType): SqlType | undefined {
  if (sameType(a, b)) return a;
  const ra = RANK[a.kind as ScalarKind];
  const rb = RANK[b.kind as ScalarKind];
  if (ra !== undefined && rb !== undefined) return ra > rb ? a : b;
  if (a.kind === 'STRUCT' && b.kind === 'STRUCT' && a.fields.length === b.fields.length) {
    const fields: StructField[] = [];
    for (const [i, field] of a.fields.entries()) {
      const type = superType(field.type, b.fields[i]!.type);
      if (!type) return undefined;
      fields.push({ name: field.name, type });
    }
    return structOf(fields);
  }
  if (a.kind === 'ARRAY' && b.kind === 'ARRAY') return undefined;
  if (a.kind === 'DATE' && b.kind === 'DATETIME') return b;
  if (a.kind === 'DATETIME' && b.kind === 'DATE') return a;
  return undefined;
}

export function isOrderable(type: SqlType): boolean {
  return !['ARRAY', 'STRUCT', 'JSON', 'GEOGRAPHY'].includes(type.kind);
}
export function isGroupable(type: SqlType): boolean {
  if (type.kind === 'ARRAY') return isGroupable(type.element);
  if (type.kind === 'STRUCT') return type.fields.every((f) => isGroupable(f.type));
  return type.kind !== 'JSON' && type.kind !== 'GEOGRAPHY';
}
