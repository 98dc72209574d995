/**
 * Conversions: CAST, and the implicit ones that ../functions/signature.ts has allowed.
 *
 * 1. `coerce` never fails on what `costOf` accepts; a literal is converted from its text, so nothing is lost on the way.
 * 2. `cast` knows exactly BigQuery's table of casts; whatever is not in it is refused.
 * 3. Structs convert by position, arrays element by element; NULL stays NULL.
 */
import type { SqlType } from '../contract.ts';
import { once } from '../functions/call.ts';
import { SyntaxFault } from '../parse/fault.ts';
import { parseBigDecimal, renderScaled } from '../runtime/decimal.ts';
import { fieldName, formatType, identicalType, physicalType, quote, type ScalarKind, sameType } from '../sql-type.ts';
import { floatLiteral, numericSql, raw, type Typed } from './typed.ts';

export class CastRefused extends Error {}

/** Implicit conversion. */
export function coerce(arg: Typed, to: SqlType): Typed {
  if (identicalType(arg.type, to)) return arg.untyped ? { ...arg, type: to } : arg.type === to ? arg : { ...arg, type: to };
  const name = arg.name === undefined ? {} : { name: arg.name };
  if (arg.raises) return { ...raw(to, `CAST(CAST(${arg.sql} AS VARCHAR) AS ${physicalType(to)})`), raises: true };
  if (arg.untyped) return { type: to, sql: `CAST(NULL AS ${physicalType(to)})`, untyped: true, ...name };
  if (arg.emptyArray) return { ...raw(to, `CAST([] AS ${physicalType(to)})`), ...name };
  if (arg.items && to.kind === 'ARRAY') {
    const items = arg.items.map((item) => coerce(item, to.element));
    return { type: to, sql: `CAST([${items.map((i) => i.sql).join(', ')}] AS ${physicalType(to)})`, items, ...name };
  }
  if (arg.items && to.kind === 'STRUCT') {
    const items = arg.items.map((item, i) => coerce(item, to.fields[i]!.type));
    return { type: to, sql: packStruct(to, items), items, ...name };
  }
  if (arg.digits !== undefined) {
    if (to.kind === 'NUMERIC') return { ...raw(to, numericLiteral(arg.digits)), ...name };
    if (to.kind === 'BIGNUMERIC') return { ...raw(to, bigNumericLiteral(arg.digits)), ...name };
  }
  if (typeof arg.literal === 'bigint') {
    if (to.kind === 'FLOAT64') return { ...floatLiteral(String(arg.literal)), ...name };
    if (to.kind === 'NUMERIC') return { ...raw(to, numericLiteral(String(arg.literal))), ...name };
    if (to.kind === 'BIGNUMERIC') return { ...raw(to, bigNumericLiteral(String(arg.literal))), ...name };
  }
  return { ...raw(to, castSql(arg.sql, arg.type, to)), ...name };
}

export function numericLiteral(digits: string): string {
  return numericSql(renderScaled(parseBigDecimal(digits, 9), 9));
}
export function bigNumericLiteral(digits: string): string {
  const value = parseBigDecimal(digits, 38);
  if (value >= 1n << 255n || value < -(1n << 255n)) throw new SyntaxFault(`Invalid BIGNUMERIC value: ${digits}`);
  return `CAST('${value}' AS BIGNUM)`;
}

export function packStruct(type: SqlType & { kind: 'STRUCT' }, items: readonly { readonly sql: string }[]): string {
  if (items.length === 0) return 'struct_pack("_empty" := true)';
  return `struct_pack(${items.map((item, i) => `${quote(fieldName(type.fields, i))} := ${item.sql}`).join(', ')})`;
}

const cut = (sql: string, zone: string) => `(${sql} AT TIME ZONE ${zone})`;
const UTC = "'UTC'";
type Rule = (sql: string) => string;
const same: Rule = (sql) => sql;
const call =
  (name: string): Rule =>
  (sql) =>
    `${name}(${sql})`;
const as =
  (type: string): Rule =>
  (sql) =>
    `CAST(${sql} AS ${type})`;
const NUM = 'DECIMAL(38,9)';

/** The scalar casts: from -> to. */
const RULES: Readonly<Partial<Record<ScalarKind, Partial<Record<ScalarKind, Rule>>>>> = {
  INT64: {
    FLOAT64: as('DOUBLE'),
    NUMERIC: as(NUM),
    BIGNUMERIC: call('gs_int_bignumeric'),
    BOOL: (sql) => `(${sql} <> 0)`,
    STRING: as('VARCHAR'),
  },
  FLOAT64: {
    INT64: call('gs_float_int'),
    NUMERIC: call('gs_float_numeric'),
    BIGNUMERIC: call('gs_float_bignumeric'),
    STRING: call('gs_float_text'),
  },
  NUMERIC: {
    INT64: call('gs_numeric_int'),
    FLOAT64: as('DOUBLE'),
    BIGNUMERIC: call('gs_numeric_bignumeric'),
    STRING: call('gs_numeric_text'),
  },
  BIGNUMERIC: {
    INT64: call('gs_bignumeric_int'),
    FLOAT64: call('gs_bignumeric_float'),
    NUMERIC: call('gs_bignumeric_numeric'),
    STRING: call('gs_bignumeric_text'),
  },
  BOOL: { INT64: as('BIGINT'), STRING: as('VARCHAR') },
  STRING: {
    INT64: call('gs_text_int'),
    FLOAT64: call('gs_text_float'),
    NUMERIC: call('gs_text_numeric'),
    BIGNUMERIC: call('gs_text_bignumeric'),
    BOOL: call('gs_text_bool'),
    BYTES: call('encode'),
    DATE: call('gs_text_date'),
    TIME: call('gs_text_time'),
    DATETIME: call('gs_text_datetime'),
    TIMESTAMP: (sql) => `gs_text_timestamp(${sql}, 'UTC')`,
    INTERVAL: call('gs_text_interval'),
  },
  BYTES: { STRING: call('gs_bytes_text') },
  DATE: {
    STRING: call('gs_date_text'),
    DATETIME: as('TIMESTAMP'),
    TIMESTAMP: (sql) => cut(`CAST(${sql} AS TIMESTAMP)`, UTC),
  },
  TIME: { STRING: call('gs_time_text') },
  DATETIME: {
    STRING: call('gs_datetime_text'),
    DATE: as('DATE'),
    TIME: as('TIME'),
    TIMESTAMP: (sql) => cut(sql, UTC),
  },
  TIMESTAMP: {
    STRING: (sql) => `(gs_datetime_text(${cut(sql, UTC)}) || '+00')`,
    DATE: (sql) => `CAST(${cut(sql, UTC)} AS DATE)`,
    TIME: (sql) => `CAST(${cut(sql, UTC)} AS TIME)`,
    DATETIME: (sql) => cut(sql, UTC),
  },
  INTERVAL: { STRING: call('gs_interval_text') },
  JSON: {},
};

export function castSql(sql: string, from: SqlType, to: SqlType): string {
  if (identicalType(from, to)) return sql;
  if (from.kind === 'ARRAY' && to.kind === 'ARRAY') {
    return `list_transform(${sql}, lambda gs_e: ${castSql('gs_e', from.element, to.element)})`;
  }
  if (from.kind === 'STRUCT' && to.kind === 'STRUCT' && from.fields.length === to.fields.length) {
    // Through a one-element list, so that the value is computed once.
    const fields = to.fields.map((field, i) => ({
      sql: castSql(`struct_extract(gs_s, '${fieldName(from.fields, i).replaceAll("'", "''")}')`, from.fields[i]!.type, field.type),
    }));
    return `list_transform([${sql}], lambda gs_s: CASE WHEN gs_s IS NULL THEN NULL ELSE ${packStruct(to, fields)} END)[1]`;
  }
  if (sameType(from, to)) return (RULES[from.kind as ScalarKind]?.[to.kind as ScalarKind] ?? same)(sql);
  const rule = RULES[from.kind as ScalarKind]?.[to.kind as ScalarKind];
  if (!rule) throw new CastRefused(`Invalid cast from ${formatType(from)} to ${formatType(to)}`);
  return rule(sql);
}

/** What CONCAT and || join besides texts: every scalar that casts to STRING. undefined when one does not. */
export function asTexts(args: readonly Typed[]): string[] | undefined {
  const texts = args.map((a) => {
    if (a.untyped || a.type.kind === 'STRING') return a.sql;
    return a.type.kind === 'BYTES' ? undefined : RULES[a.type.kind as ScalarKind]?.STRING?.(a.sql);
  });
  return texts.includes(undefined) ? undefined : (texts as string[]);
}

/** Explicit CAST. */
export function cast(arg: Typed, to: SqlType, safe: boolean): Typed {
  if (arg.untyped || arg.emptyArray) {
    if (arg.emptyArray && to.kind !== 'ARRAY') throw new CastRefused(`Invalid cast from ${formatType(arg.type)} to ${formatType(to)}`);
    const { name: _, ...rest } = coerce(arg, to);
    const { untyped: _u, emptyArray: _e, ...firm } = rest;
    return firm;
  }
  if (arg.items && to.kind === 'STRUCT' && arg.type.kind === 'STRUCT' && arg.items.length === to.fields.length) {
    const items = arg.items.map((item, i) => cast(item, to.fields[i]!.type, safe));
    return { type: to, sql: packStruct(to, items) };
  }
  if (arg.items && to.kind === 'ARRAY' && arg.type.kind === 'ARRAY') {
    const items = arg.items.map((item) => cast(item, to.element, safe));
    return { type: to, sql: `CAST([${items.map((i) => i.sql).join(', ')}] AS ${physicalType(to)})` };
  }
  if (arg.digits !== undefined && to.kind === 'NUMERIC') return raw(to, numericLiteral(arg.digits));
  if (arg.digits !== undefined && to.kind === 'BIGNUMERIC') return raw(to, bigNumericLiteral(arg.digits));
  if (!safe || identicalType(arg.type, to)) return raw(to, castSql(arg.sql, arg.type, to));
  return raw(
    to,
    once([arg.sql], 'gs_c', ([sql]) => `TRY(${castSql(sql!, arg.type, to)})`),
  );
}
