/** Cells of rows as they come back from the warehouse, as the state holds them. Throws on what no row of ours can hold. */
import type { Row } from '@convergence/ports';

export function text(row: Row, name: string): string {
  const value = row[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is no text: ${JSON.stringify(value)}`);
  return value;
}
export const textOrNull = (row: Row, name: string): string | null => (row[name] == null ? null : text(row, name));

const MILLISECONDS = 'yyyy-mm-ddThh:mm:ss.sssZ'.length;
export function time(row: Row, name: string): string {
  const value = row[name] as string;
  return value.length === MILLISECONDS && value.endsWith('Z') ? value : new Date(value).toISOString();
}
export const timeOrNull = (row: Row, name: string): string | null => (row[name] == null ? null : time(row, name));

export const date = (row: Row, name: string): string => String(row[name]).slice(0, 10);

export function count(row: Row, name: string): number {
  const value = Number(row[name]);
  if (!Number.isSafeInteger(value)) throw new TypeError(`${name} is no whole number: ${JSON.stringify(row[name])}`);
  return value;
}
/** As a person may have left it: a number where it is one. */
export const loose = (row: Row, name: string): unknown =>
  typeof row[name] === 'string' && /^-?\d+$/.test(row[name]) ? Number(row[name]) : row[name];

export const flag = (row: Row, name: string): boolean => row[name] === true;
/** Many rows share one list. */
export const texts = (row: Row, name: string): readonly string[] => Object.freeze((row[name] ?? []) as string[]);
export const json = <T>(row: Row, name: string): T => (typeof row[name] === 'string' ? JSON.parse(row[name]) : row[name]) as T;

/** Sealed values lie in BYTES columns; they come back as bytes, as base64, or as JSON of bytes (from the journal). */
export const bytes = (sealed: string): Buffer => Buffer.from(sealed, 'utf8');
export function sealed(row: Row, name: string): string {
  const value = row[name];
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  const journalled = (value as { readonly data?: unknown } | null)?.data;
  if (Array.isArray(journalled)) return Buffer.from(journalled as number[]).toString('utf8');
  return Buffer.from(text(row, name), 'base64').toString('utf8');
}
