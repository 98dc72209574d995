/** Carries a value of any type into a TypeScript function: JSON text in which every scalar is a string, with the shape of the type beside it. */
import type { SqlType } from '../contract.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { fieldName, quote } from '../sql-type.ts';
import { castSql } from './convert.ts';

/** The largest integer that every reader of JSON takes as it is. */
const SAFE = '9007199254740992';

/** JSON of the type's shape, see ../runtime/json.ts. */
export function shapeJson(type: SqlType): string {
  if (type.kind === 'ARRAY') return `{"k":"ARRAY","of":${shapeJson(type.element)}}`;
  if (type.kind === 'STRUCT')
    return `{"k":"STRUCT","fields":[${type.fields.map((f) => `[${JSON.stringify(f.name)},${shapeJson(f.type)}]`).join(',')}]}`;
  return `{"k":"${type.kind}"}`;
}

function leaves(sql: string, type: SqlType, depth: number): string {
  if (type.kind === 'ARRAY') return `list_transform(${sql}, lambda gs_t${depth}: ${leaves(`gs_t${depth}`, type.element, depth + 1)})`;
  if (type.kind === 'STRUCT') {
    const e = `gs_t${depth}`;
    const fields = type.fields.map(
      (f, i) =>
        `${quote(`f${i}`)} := ${leaves(`struct_extract(${e}, '${fieldName(type.fields, i).replaceAll("'", "''")}')`, f.type, depth + 1)}`,
    );
    return `list_transform([${sql}], lambda ${e}: CASE WHEN ${e} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ') || 'f0 := 1'}) END)[1]`;
  }
  if (type.kind === 'RANGE') throw new SyntaxFault('Values of type RANGE have no text here', undefined, 'unsupported');
  if (type.kind === 'BYTES') return `base64(${sql})`;
  if (type.kind === 'JSON' || type.kind === 'STRING') return sql;
  return castSql(sql, type, { kind: 'STRING' });
}

/** VARCHAR: the scalar's text itself, or JSON for arrays and structs; NULL for NULL. */
export function transport(sql: string, type: SqlType): string {
  const text = leaves(sql, type, 0);
  return type.kind === 'ARRAY' || type.kind === 'STRUCT' ? `CAST(to_json(${text}) AS VARCHAR)` : text;
}

/**
 * The same JSON by DuckDB alone, where it writes what GoogleSQL does: texts, booleans and small integers under plain names. What is left
 * to repair are its escapes, see gs_json_escapes.
 */
export function nativeJson(sql: string, type: SqlType, wide: boolean): string | undefined {
  const value = type.kind === 'ARRAY' || type.kind === 'STRUCT' ? nativeLeaves(sql, type, wide, 0) : undefined;
  return value && `CAST(to_json(${value}) AS VARCHAR)`;
}
function nativeLeaves(sql: string, type: SqlType, wide: boolean, depth: number): string | undefined {
  const e = `gs_t${depth}`;
  switch (type.kind) {
    case 'STRING':
    case 'BOOL':
      return sql;
    case 'INT64':
      return wide ? `CASE WHEN ${sql} BETWEEN -${SAFE} AND ${SAFE} THEN to_json(${sql}) ELSE to_json(CAST(${sql} AS VARCHAR)) END` : sql;
    case 'ARRAY': {
      const element = nativeLeaves(e, type.element, wide, depth + 1);
      return element && (element === e ? sql : `list_transform(${sql}, lambda ${e}: ${element})`);
    }
    case 'STRUCT': {
      // A name may be said again for every field; what is longer gets one.
      const named = /^\w+$/.test(sql);
      const row = named ? sql : e;
      let same = true;
      const fields = type.fields.map((f, i) => {
        const name = fieldName(type.fields, i);
        const field = `struct_extract(${row}, '${name.replaceAll("'", "''")}')`;
        const value = nativeLeaves(field, f.type, wide, depth + 1);
        same &&= value === field;
        return name === f.name && value ? `${quote(name)} := ${value}` : undefined;
      });
      if (fields.length === 0 || fields.includes(undefined)) return undefined;
      if (same) return sql;
      const packed = `CASE WHEN ${row} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`;
      return named ? packed : `list_transform([${sql}], lambda ${e}: ${packed})[1]`;
    }
    default:
      return undefined;
  }
}
