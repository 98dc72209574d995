/** Query parameters as jobs.query takes them. Every one is typed, so nulls and empty arrays travel. */
import type { SqlParameter, SqlValue } from '@convergence/ports';
import { type SqlType, sqlType } from './sql-type.ts';

type RestValue = { value: string | null } | { arrayValues: RestValue[] } | { structValues: Record<string, RestValue> };

export function queryParameters(parameters: Readonly<Record<string, SqlParameter>>): object[] {
  return Object.entries(parameters).map(([name, { type, value }]) => {
    const parsed = sqlType(type);
    try {
      return { name, parameterType: restType(parsed), parameterValue: restValue(parsed, value) };
    } catch (cause) {
      throw new TypeError(`@${name}: ${(cause as Error).message}`, { cause });
    }
  });
}

function restType(type: SqlType): object {
  if (type.kind === 'array') return { type: 'ARRAY', arrayType: restType(type.of) };
  if (type.kind === 'struct') return { type: 'STRUCT', structTypes: type.fields.map((f) => ({ name: f.name, type: restType(f.type) })) };
  if (type.kind === 'range') throw new TypeError('a RANGE is no parameter: pass its start and its end');
  return { type: type.name };
}

function restValue(type: SqlType, value: SqlValue | undefined): RestValue {
  if (type.kind === 'array') {
    if (value === null || value === undefined) return { arrayValues: [] };
    if (!Array.isArray(value)) throw new TypeError('not an array');
    return { arrayValues: (value as readonly SqlValue[]).map((v) => restValue(type.of, v)) };
  }
  if (value === null || value === undefined) return { value: null };
  if (type.kind === 'struct') {
    if (typeof value !== 'object' || Array.isArray(value) || Buffer.isBuffer(value)) throw new TypeError('not a struct');
    const given = value as Readonly<Record<string, SqlValue>>;
    const values: Record<string, RestValue> = {};
    for (const field of type.fields) values[field.name] = restValue(field.type, given[field.name]);
    return { structValues: values };
  }
  return { value: scalar(type.kind === 'range' ? 'RANGE' : type.name, value) };
}

function scalar(type: string, value: SqlValue): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (type === 'INT64' && !Number.isSafeInteger(value)) throw new TypeError(`${value} is not a safe integer: pass a bigint`);
    if (Number.isNaN(value)) return 'NaN';
    if (!Number.isFinite(value)) return value > 0 ? '+inf' : '-inf';
    return String(value);
  }
  if (type === 'JSON') return JSON.stringify(value);
  throw new TypeError(`no ${type}: ${typeof value}`);
}
