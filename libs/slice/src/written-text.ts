/**
 * A row as one text that the warehouse can make of it and compare, and that can be read back: how the owner wrote it last.
 *
 * 1. The same values give the same text, whoever wrote them. 2. The text begins with the version of the columns it covers: after a column
 * was added, older texts say nothing. 3. `readWritten` gives values as rows that are loaded have them.
 */
import { createHash } from 'node:crypto';
import type { ColumnSpec, Row } from '@convergence/ports';

const NULL = '\x1e';
const BETWEEN = '\x1f';
const BETWEEN_ITEMS = '\x1d';
const escaped = (control: string) => `'\\x${control.charCodeAt(0).toString(16)}'`;

export function versionOf(columns: readonly ColumnSpec[]): string {
  const names = columns.map((c) => `${c.name} ${c.type}`).join();
  return createHash('md5').update(`text ${names}`).digest('hex').slice(0, 8);
}

/** An expression for the row of that alias. */
export function writtenText(columns: readonly ColumnSpec[], alias: string): string {
  const texts = columns.map((c) => `COALESCE(${textOf(c, `${alias}.\`${c.name}\``)}, ${escaped(NULL)})`);
  return `CONCAT('${versionOf(columns)}:', ${texts.join(`, ${escaped(BETWEEN)}, `)})`;
}

/** A condition: the row of that alias is not what its owner wrote last. */
export function editedCondition(columns: readonly ColumnSpec[], alias: string): string {
  const written = `${alias}.x_written`;
  return `(${written} IS NULL OR (STARTS_WITH(${written}, '${versionOf(columns)}:') AND ${written} != ${writtenText(columns, alias)}))`;
}

/** Undefined for a text of other columns. */
export function readWritten(columns: readonly ColumnSpec[], text: string | null): Row | undefined {
  if (text === null) return undefined;
  const version = `${versionOf(columns)}:`;
  if (!text.startsWith(version)) return undefined;
  const parts = text.slice(version.length).split(BETWEEN);
  if (parts.length !== columns.length) return undefined;
  return Object.fromEntries(columns.map((c, i) => [c.name, parts[i] === NULL ? null : readValue(c, parts[i]!)]));
}

/** Cheap for the common types. */
function textOf({ type }: ColumnSpec, column: string): string {
  const plain = type.toUpperCase();
  if (plain === 'STRING') return column;
  if (plain === 'TIMESTAMP') return `CAST(UNIX_MICROS(${column}) AS STRING)`;
  if (plain === 'ARRAY<STRING>') return `ARRAY_TO_STRING(${column}, ${escaped(BETWEEN_ITEMS)})`;
  return isScalar(plain) ? `CAST(${column} AS STRING)` : `TO_JSON_STRING(${column})`;
}
const isScalar = (type: string): boolean => /^(BOOL|INT64|DATE|NUMERIC|FLOAT64)\b/.test(type);

function readValue({ type }: ColumnSpec, text: string): unknown {
  const plain = type.toUpperCase();
  if (plain === 'TIMESTAMP') return timeOf(Number(text));
  if (plain === 'ARRAY<STRING>') return text === '' ? [] : text.split(BETWEEN_ITEMS);
  if (plain === 'BOOL') return text === 'true';
  if (plain === 'INT64' || plain === 'FLOAT64') return Number.isSafeInteger(Number(text)) || plain === 'FLOAT64' ? Number(text) : text;
  if (plain === 'BYTES') return Buffer.from(JSON.parse(text) as string, 'base64');
  return plain === 'STRING' || plain === 'JSON' || isScalar(plain) ? text : JSON.parse(text);
}

function timeOf(micros: number): string {
  const milliseconds = Math.floor(micros / 1000);
  const rest = micros - milliseconds * 1000;
  const text = new Date(milliseconds).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
