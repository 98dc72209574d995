/** Reads and judges cases: a query with the schema and rows that Google's reference implementation gives, in the form of BigQuery's REST answers. */
import { readFileSync } from 'node:fs';
import type { RestField, RestRow } from './testing.ts';

export interface Case {
  readonly id: string;
  readonly sql: string;
  readonly ordered: boolean;
  readonly schema: readonly RestField[];
  readonly rows: readonly RestRow[];
}

/** A query that is refused, with the reference implementation's words for it. */
export interface RefusedCase {
  readonly id: string;
  readonly sql: string;
  readonly error: string;
}

const lines = (file: string | URL) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
export const readRefusals = (file: string | URL): RefusedCase[] => lines(file).map((line) => JSON.parse(line) as RefusedCase);
export function readCases(file: string | URL): Case[] {
  return lines(file).map((line) => JSON.parse(line) as Case);
}

function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (v === null || typeof v !== 'object') return v;
  return Object.fromEntries(
    Object.entries(v)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, e]) => [k, sorted(e)]),
  );
}
function scalar(v: unknown, type: string): unknown {
  if (v === null || v === undefined) return null;
  const text = String(v);
  switch (type) {
    case 'FLOAT':
      return Number.isFinite(Number(text)) ? Number(Number(text).toPrecision(12)) : text;
    case 'NUMERIC':
    case 'BIGNUMERIC':
      return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
    case 'TIME':
    case 'DATETIME':
      return text.replace(/(\.\d*?)0+$/, '$1');
    case 'JSON':
      try {
        return JSON.stringify(sorted(JSON.parse(text)));
      } catch {
        return text;
      }
    default:
      return text;
  }
}
function one(v: unknown, f: RestField): unknown {
  if (f.type !== 'RECORD') return scalar(v, f.type);
  return v === null || v === undefined ? null : (v as RestRow).f.map((c, i) => value(c.v, f.fields![i]!));
}
function value(v: unknown, f: RestField): unknown {
  return f.mode === 'REPEATED' ? ((v ?? []) as { v: unknown }[]).map((e) => one(e.v, f)) : one(v, f);
}
const shape = (f: RestField): string =>
  `${f.name}:${f.type}${f.mode === 'REPEATED' ? '[]' : ''}${f.fields ? `(${f.fields.map(shape).join(', ')})` : ''}`;

/** One text for a whole result; floats to 12 digits, fractions of seconds without trailing zeros, JSON by value, rows as a set unless ordered. */
export function canonical(c: { schema: readonly RestField[]; rows: readonly RestRow[] }, ordered: boolean): string {
  const rows = c.rows.map((r) => JSON.stringify(r.f.map((x, i) => value(x.v, c.schema[i]!))));
  return [c.schema.map(shape).join(' '), ...(ordered ? rows : rows.sort())].join('\n');
}
