/** A resolved expression: its GoogleSQL type and the DuckDB SQL that yields it, with what later decisions need to know. */
import type { SqlType } from '../contract.ts';
import { arrayOf, BOOL, BYTES, FLOAT64, INT64, NUMERIC, physicalType, STRING } from '../sql-type.ts';

export type LiteralValue = string | bigint | number | boolean | Uint8Array;
export interface Typed {
  readonly type: SqlType;
  readonly sql: string;
  /** A literal of the text: may be coerced further than a value of its type. */
  readonly literal?: LiteralValue;
  /** Digits of a FLOAT64 literal as written: it may become an exact NUMERIC. */
  readonly digits?: string;
  /** NULL without a type. */
  readonly untyped?: boolean;
  /** Never yields a value, so it passes for any type: ERROR('...'). */
  readonly raises?: boolean;
  /** `[]` without a type. */
  readonly emptyArray?: boolean;
  readonly parameter?: boolean;
  /** What an AND joins. */
  readonly conjuncts?: readonly string[];
  /** Name that a select list gives to the expression when there is no alias. */
  readonly name?: string;
  /** Values of literal arrays and structs, so that their parts can still be coerced. */
  readonly items?: readonly Typed[];
}

export const conjunctsOf = ({ conjuncts, sql }: Typed): readonly string[] => conjuncts ?? [sql];
export const raw = (type: SqlType, sql: string): Typed => ({ type, sql });
export const nullOf = (type: SqlType): Typed => ({ type, sql: `CAST(NULL AS ${physicalType(type)})`, untyped: true });

export function textLiteral(value: string): string {
  if (!value.includes('\0')) return `'${value.replaceAll("'", "''")}'`;
  return `(${value
    .split('\0')
    .map((part) => `'${part.replaceAll("'", "''")}'`)
    .join(' || chr(0) || ')})`;
}
export const stringLiteral = (value: string): Typed => ({ type: STRING, sql: textLiteral(value), literal: value });
export const boolLiteral = (value: boolean): Typed => ({ type: BOOL, sql: value ? 'true' : 'false', literal: value });
export function intLiteral(value: bigint): Typed {
  return { type: INT64, sql: value < 0n ? `CAST(${value} AS BIGINT)` : `${value}::BIGINT`, literal: value };
}
export function floatSql(value: number): string {
  if (Number.isNaN(value)) return "CAST('nan' AS DOUBLE)";
  if (!Number.isFinite(value)) return `CAST('${value < 0 ? '-' : ''}inf' AS DOUBLE)`;
  return `CAST(${value.toExponential()} AS DOUBLE)`;
}
export function floatLiteral(text: string): Typed {
  return { type: FLOAT64, sql: floatSql(Number(text)), literal: Number(text), digits: text };
}
export function bytesLiteral(value: Uint8Array): Typed {
  return { type: BYTES, sql: `from_hex('${Buffer.from(value).toString('hex')}')`, literal: value };
}
export const numericSql = (digits: string): string => `CAST('${digits}' AS ${physicalType(NUMERIC)})`;
export const emptyArray = (element: SqlType = INT64): Typed => ({
  type: arrayOf(element),
  sql: `CAST([] AS ${physicalType(arrayOf(element))})`,
  emptyArray: true,
});
