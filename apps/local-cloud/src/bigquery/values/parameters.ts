/** Query parameters as the REST API carries them: their types, and their values as DuckDB values. */
import type { DuckDBValue } from '@duckdb/node-api';
import { DuckDBListValue, DuckDBStructValue } from '@duckdb/node-api';
import type { SqlType } from '../../googlesql/contract.ts';
import { fieldName } from '../../googlesql/sql-type.ts';
import { ApiError, invalid } from '../errors.ts';
import { Misfit, valueFromJson } from './from-json.ts';

export interface Parameter {
  readonly name?: string;
  readonly type: SqlType;
  readonly value: DuckDBValue;
}
interface ParameterType {
  type?: string;
  arrayType?: ParameterType;
  structTypes?: { name?: string; type: ParameterType }[];
  rangeElementType?: ParameterType;
}
interface ParameterValue {
  value?: unknown;
  arrayValues?: ParameterValue[];
  structValues?: Record<string, ParameterValue>;
  rangeValue?: { start?: ParameterValue; end?: ParameterValue };
}

const scalars: Record<string, SqlType> = Object.fromEntries(
  [
    ['INT64', 'INTEGER', 'INT'],
    ['FLOAT64', 'FLOAT'],
    ['BOOL', 'BOOLEAN'],
    ...['NUMERIC', 'BIGNUMERIC', 'STRING', 'BYTES', 'DATE', 'TIME', 'DATETIME', 'TIMESTAMP', 'JSON', 'INTERVAL', 'GEOGRAPHY'].map(
      (kind) => [kind],
    ),
  ].flatMap(([kind, ...aliases]) => [kind!, ...aliases].map((name) => [name, { kind } as SqlType])),
);
const MAX_DEPTH = 15;
const MAX_PARAMETERS = 10_000;

function structTypes({ structTypes: fields = [] }: ParameterType): NonNullable<ParameterType['structTypes']> {
  if (!Array.isArray(fields) || fields.some((field) => field === null || typeof field !== 'object'))
    throw invalid('Invalid value for structTypes: it must be a list of fields.');
  return fields;
}

function typeOf(type: ParameterType | undefined, depth = 0): SqlType {
  const name = String(type?.type ?? '').toUpperCase();
  if (depth > MAX_DEPTH) throw invalid('Query parameter types are nested too deeply.');
  if (name === 'ARRAY') {
    const element = typeOf(type!.arrayType, depth + 1);
    if (element.kind === 'ARRAY') throw invalid('Query parameters cannot be arrays of arrays.');
    return { kind: 'ARRAY', element };
  }
  if (name === 'STRUCT' || name === 'RECORD') {
    return {
      kind: 'STRUCT',
      fields: structTypes(type!).map((field) => ({ name: String(field.name ?? ''), type: typeOf(field.type, depth + 1) })),
    };
  }
  if (name === 'RANGE') return { kind: 'RANGE', element: typeOf(type!.rangeElementType, depth + 1) };
  const scalar = Object.hasOwn(scalars, name) ? scalars[name] : undefined;
  if (!scalar) throw invalid(name ? `Invalid value for query parameter type: ${type!.type}` : 'Query parameter type is missing.');
  return scalar;
}

function boundValue(type: SqlType, given: ParameterValue | undefined, label: string): DuckDBValue {
  if (type.kind === 'ARRAY') {
    const items = given?.arrayValues;
    if (items !== undefined && !Array.isArray(items))
      throw invalid(`Invalid value for query parameter ${label}: arrayValues must be a list.`);
    return new DuckDBListValue((items ?? []).map((item) => boundValue(type.element, item, label)));
  }
  if (type.kind === 'STRUCT') {
    const values = given?.structValues;
    if (values === undefined || values === null) return null;
    if (typeof values !== 'object') throw invalid(`Invalid value for query parameter ${label}: structValues must be an object.`);
    const entries: Record<string, DuckDBValue> = {};
    for (const [i, field] of type.fields.entries()) entries[fieldName(type.fields, i)] = boundValue(field.type, values[field.name], label);
    return new DuckDBStructValue(entries);
  }
  if (type.kind === 'RANGE' && given?.rangeValue) {
    return new DuckDBStructValue({
      start: boundValue(type.element, given.rangeValue.start, label),
      end: boundValue(type.element, given.rangeValue.end, label),
    });
  }
  const value = given?.value;
  if (value === undefined || value === null) return null;
  return valueFromJson(type, value, label);
}

/** `parameterMode` and `queryParameters` of a request. */
export function parametersFrom(mode: unknown, given: unknown): { parameters: Parameter[]; positional: boolean } {
  if (given === undefined || given === null) return { parameters: [], positional: String(mode).toUpperCase() === 'POSITIONAL' };
  if (!Array.isArray(given)) throw invalid('Invalid value for queryParameters: it must be a list.');
  if (given.length > MAX_PARAMETERS) throw invalid(`Too many query parameters: at most ${MAX_PARAMETERS}.`);
  const positional =
    mode === undefined || mode === null ? given.every((p) => !p?.name) && given.length > 0 : String(mode).toUpperCase() === 'POSITIONAL';
  const parameters = given.map((p, i): Parameter => {
    if (p === null || typeof p !== 'object') throw invalid('Invalid query parameter.');
    const type = typeOf(p.parameterType);
    const label = p.name ? String(p.name) : String(i + 1);
    try {
      const value = boundValue(type, p.parameterValue, label);
      return positional ? { type, value } : { name: String(p.name ?? ''), type, value };
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      const text = p.parameterValue?.value === undefined ? error.message : String(p.parameterValue.value).slice(0, 100);
      throw new ApiError(
        'invalid',
        p.parameterValue?.value === undefined
          ? `Invalid value for query parameter ${label}: ${text}`
          : `Invalid value for type ${type.kind}: '${text}' is not a valid value for query parameter ${label}`,
      );
    }
  });
  return { parameters, positional };
}
