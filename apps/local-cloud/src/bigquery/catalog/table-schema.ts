/** A table's schema as the REST API writes it, to and from the columns of the catalog. */
import type { Column, SqlType, StructField } from '../../googlesql/contract.ts';
import { invalid, required } from '../errors.ts';

export interface FieldSchema {
  name: string;
  type: string;
  mode?: string;
  description?: string;
  fields?: FieldSchema[];
  maxLength?: string;
  precision?: string;
  scale?: string;
  defaultValueExpression?: string;
  rangeElementType?: { type: string };
}

const kinds: Record<string, Exclude<SqlType['kind'], 'ARRAY' | 'RANGE' | 'STRUCT'>> = {
  INTEGER: 'INT64',
  INT64: 'INT64',
  FLOAT: 'FLOAT64',
  FLOAT64: 'FLOAT64',
  NUMERIC: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  BOOLEAN: 'BOOL',
  BOOL: 'BOOL',
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
const restNames: Partial<Record<SqlType['kind'], string>> = { INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN', STRUCT: 'RECORD' };

const COLUMN_NAME = /^[\p{L}\p{M}\p{N}_&%=+:'<>#|$\- ]{1,300}$/u;

function fieldType(field: FieldSchema, path: string): SqlType {
  const name = String(field.type ?? '').toUpperCase();
  let type: SqlType;
  if (name === 'RECORD' || name === 'STRUCT') {
    if (!Array.isArray(field.fields) || field.fields.length === 0) {
      throw invalid(`Field ${path} is type RECORD but has no schema`);
    }
    type = {
      kind: 'STRUCT',
      fields: field.fields.map((inner): StructField => ({ name: fieldName(inner), type: fieldType(inner, `${path}.${inner.name}`) })),
    };
  } else if (name === 'RANGE') {
    const element = kinds[String(field.rangeElementType?.type ?? '').toUpperCase()];
    if (element !== 'DATE' && element !== 'DATETIME' && element !== 'TIMESTAMP')
      throw invalid(`Invalid range element type for field ${path}`);
    type = { kind: 'RANGE', element: { kind: element } };
  } else {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (!kind) throw invalid(name ? `Invalid value for type: ${field.type} is not a valid value` : `Field ${path} is missing a type`);
    type = { kind };
  }
  const mode = String(field.mode ?? 'NULLABLE').toUpperCase();
  if (!['NULLABLE', 'REQUIRED', 'REPEATED', ''].includes(mode)) throw invalid(`Invalid value for mode: ${field.mode} is not a valid value`);
  return mode === 'REPEATED' ? { kind: 'ARRAY', element: type } : type;
}

function fieldName(field: FieldSchema): string {
  const name = field?.name;
  if (typeof name !== 'string' || name === '') throw required('schema.fields.name');
  if (!COLUMN_NAME.test(name)) {
    throw invalid(
      `Invalid field name "${name}". Fields must contain the allowed characters, and be at most 300 characters long. For allowed characters, please refer to https://cloud.google.com/bigquery/docs/schemas#column_names`,
    );
  }
  return name;
}

export function columnsFromSchema(fields: readonly FieldSchema[]): Column[] {
  const seen = new Set<string>();
  return fields.map((field) => {
    const name = fieldName(field);
    if (seen.has(name.toLowerCase())) throw invalid(`Duplicate field name: ${name}. Field names are case-insensitive.`);
    seen.add(name.toLowerCase());
    const column: { -readonly [K in keyof Column]: Column[K] } = { name, type: fieldType(field, name) };
    if (String(field.mode ?? '').toUpperCase() === 'REQUIRED') column.required = true;
    if (field.description !== undefined) column.description = String(field.description);
    if (field.defaultValueExpression !== undefined) column.defaultSql = String(field.defaultValueExpression);
    if (field.maxLength !== undefined) column.maxLength = Number(field.maxLength);
    if (field.precision !== undefined) column.precision = Number(field.precision);
    if (field.scale !== undefined) column.scale = Number(field.scale);
    return column;
  });
}

function typeToField(name: string, type: SqlType): FieldSchema {
  if (type.kind === 'ARRAY') return { ...typeToField(name, type.element), mode: 'REPEATED' };
  const field: FieldSchema = { name, type: restNames[type.kind] ?? type.kind, mode: 'NULLABLE' };
  if (type.kind === 'STRUCT') field.fields = type.fields.map((inner) => typeToField(inner.name, inner.type));
  if (type.kind === 'RANGE') field.rangeElementType = { type: type.element.kind };
  return field;
}

export function schemaFromColumns(columns: readonly Column[]): { fields: FieldSchema[] } {
  return {
    fields: columns.map((column) => {
      const field = typeToField(column.name, column.type);
      if (column.required) field.mode = 'REQUIRED';
      if (column.description !== undefined) field.description = column.description;
      if (column.defaultSql !== undefined) field.defaultValueExpression = column.defaultSql;
      if (column.maxLength !== undefined) field.maxLength = String(column.maxLength);
      if (column.precision !== undefined) field.precision = String(column.precision);
      if (column.scale !== undefined) field.scale = String(column.scale);
      return field;
    }),
  };
}
