/**
 * A row as one text that the warehouse can make of it and compare, and that can be read back: how the owner wrote it last.
 *
 * 1. The same values give the same text, whoever wrote them. 2. The text begins with the version of the columns it covers: after a column
 * was added, older texts say nothing. 3. `readWritten` gives values as rows that are loaded have them; JSON's null is NULL.
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

/** A condition: its owner wrote the row of that alias, with these columns. */
export const isWritten = (columns: readonly ColumnSpec[], alias: string): string =>
  `STARTS_WITH(COALESCE(${alias}.x_written, ''), '${versionOf(columns)}:')`;

/** A condition: the row of that alias is not one that was written under another key, and then renamed or copied by somebody. */
export function hasOwnKey(columns: readonly ColumnSpec[], key: readonly string[], alias: string): string {
  const same = key.map((name) => {
    const at = columns.findIndex((c) => c.name === name);
    const first = at === 0 ? `'${versionOf(columns)}:', ` : '';
    return `SPLIT(${alias}.x_written, ${escaped(BETWEEN)})[SAFE_OFFSET(${at})] = CONCAT(${first}${textOf(columns[at]!, `${alias}.\`${name}\``)})`;
  });
  return `(NOT ${isWritten(columns, alias)} OR (${same.join(' AND ')}))`;
}

/** A condition: this text of a row can be read back. Not when one of its values holds what stands between values. */
export const isReadable = (columns: readonly ColumnSpec[], text: string): string =>
  `LENGTH(${text}) - LENGTH(REPLACE(${text}, ${escaped(BETWEEN)}, '')) = ${columns.length - 1}`;

/** Undefined for a text of other columns. */
export const readWritten = (columns: readonly ColumnSpec[], text: string | null): Row | undefined =>
  text === null ? undefined : textReader(columns)(text);

/** The same for many. */
export function textReader(columns: readonly ColumnSpec[]): (text: string) => Row | undefined {
  const version = `${versionOf(columns)}:`;
  // Neighbours are often alike, and then share one value.
  const readers = columns.map((column) => ({
    name: column.name,
    read: valueReader(column),
    lastText: undefined as string | undefined,
    last: undefined as unknown,
  }));
  return (text) => {
    if (!text.startsWith(version)) return undefined;
    const parts = text.slice(version.length).split(BETWEEN);
    if (parts.length !== readers.length) return undefined;
    const row: Record<string, unknown> = {};
    for (let i = 0; i < readers.length; i += 1) {
      const part = parts[i]!;
      const reader = readers[i]!;
      if (part !== reader.lastText || !Object.isFrozen(reader.last)) {
        reader.lastText = part;
        reader.last = part === NULL ? null : reader.read(part);
      }
      row[reader.name] = reader.last;
    }
    return row;
  };
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

function valueReader({ type }: ColumnSpec): (text: string) => unknown {
  const plain = type.toUpperCase();
  if (plain === 'TIMESTAMP') return (text) => timeOf(Number(text));
  if (plain === 'STRING') return ownText;
  if (plain === 'ARRAY<STRING>') return (text) => Object.freeze(text === '' ? [] : text.split(BETWEEN_ITEMS).map(ownText));
  if (plain === 'BOOL') return (text) => text === 'true';
  if (plain === 'FLOAT64') return Number;
  if (plain === 'INT64') return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
  if (isScalar(plain)) return (text) => text;
  // TO_JSON_STRING(NULL) is a text.
  if (plain === 'JSON') return (text) => (text === 'null' ? null : text);
  if (plain === 'BYTES') return (text) => (text === 'null' ? null : Buffer.from(JSON.parse(text) as string, 'base64'));
  return (text) => JSON.parse(text);
}

/** A piece of a text as a text of its own: whoever keeps the piece would keep all of the text. */
const ownText = (text: string): string => (text.length < 13 ? text : Buffer.from(text).toString());

function timeOf(micros: number): string {
  const milliseconds = Math.floor(micros / 1000);
  const rest = micros - milliseconds * 1000;
  const text = new Date(milliseconds).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
