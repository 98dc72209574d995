/** Records as rows: each column from its path, in its type. What does not fit is an error, never a NULL that nobody asked for. */
import { StepFailure } from '../failure.ts';
import type { HttpExtractConfig } from './config.ts';
import { DecimalText } from './decimal-json.ts';
import { at } from './paths.ts';

type Column = HttpExtractConfig['columns'][string];
export type Cell = string | boolean | null;

export function rowsOf(config: HttpExtractConfig, body: unknown): Record<string, Cell>[] {
  const records = config.records === undefined ? body : at(body, config.records);
  const list = Array.isArray(records) ? records : config.records === undefined ? [records] : undefined;
  if (!list)
    throw new StepFailure('schema', 'http.records_missing', `The answer has no list at ${config.records}.`, {
      hint: 'The provider may have changed its API.',
    });
  const flat = config.explode === undefined ? list : list.flatMap((record) => exploded(record, config.explode as string));
  return flat.map((record) =>
    Object.fromEntries(Object.entries(config.columns).map(([name, column]) => [name, cellOf(record, name, column)])),
  );
}

/** The element under the path's own name, beside the fields of the record it lies in. */
function exploded(record: unknown, path: string): unknown[] {
  const elements = at(record, path);
  if (!Array.isArray(elements))
    throw new StepFailure('schema', 'http.records_missing', `A record has no list at ${path}.`, {
      hint: 'The provider may have changed its API.',
    });
  const name = path.split('.')[0] as string;
  return elements.map((element) => ({ ...(record as object), [name]: element }));
}

function cellOf(record: unknown, name: string, column: Column): Cell {
  const value = at(record, column.path);
  if (value === undefined || value === null) {
    if (column.required)
      throw new StepFailure('schema', 'http.field_missing', `A record has no ${column.path}.`, { hint: `Column ${name} is required.` });
    return null;
  }
  const text = value instanceof DecimalText ? value.text : typeof value === 'object' ? JSON.stringify(value) : String(value);
  const wrong = () =>
    new StepFailure('schema', 'http.field_type', `${column.path} is ${JSON.stringify(text.slice(0, 60))}, which is no ${column.type}.`, {
      hint: 'The provider may have changed its API.',
    });
  switch (column.type) {
    case 'INT64':
      if (!/^-?\d{1,19}$/.test(text)) throw wrong();
      return text;
    case 'NUMERIC':
    case 'BIGNUMERIC':
      if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw wrong();
      return plainDecimal(text);
    case 'BOOL':
      if (typeof value !== 'boolean') throw wrong();
      return value;
    case 'DATE': {
      const date = column.unix ? new Date(Number(text) * 1000).toISOString() : text;
      if (!/^\d{4}-\d{2}-\d{2}/.test(date)) throw wrong();
      return date.slice(0, 10);
    }
    case 'TIMESTAMP': {
      const ms = column.unix ? Number(text) * 1000 : Date.parse(text);
      if (Number.isNaN(ms)) throw wrong();
      return column.unix ? new Date(ms).toISOString() : text;
    }
    case 'STRING':
    case 'JSON':
      return text;
    default:
      return column.type satisfies never;
  }
}

/** `1e-7` is `0.0000001`: NUMERIC takes it either way, but sums in text do not. */
function plainDecimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return point >= digits.length
    ? `${sign}${digits}${'0'.repeat(point - digits.length)}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
