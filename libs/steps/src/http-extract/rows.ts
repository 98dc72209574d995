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
  return flat.map((record) => {
    mustBeRecord(config, record);
    return Object.fromEntries(Object.entries(config.columns).map(([name, column]) => [name, cellOf(record, name, column)]));
  });
}

/** Not an error in the place of one, which would become a row of nothing. */
function mustBeRecord(config: HttpExtractConfig, record: unknown): void {
  if (typeof record !== 'object' || record === null)
    throw new StepFailure('schema', 'http.records_missing', `${config.records ?? 'The answer'} holds what is no record.`, {
      hint: 'The provider may have changed its API.',
    });
  const paths = Object.values(config.columns).map(({ path }) => path);
  if (paths.every((path) => at(record, path) === undefined))
    throw new StepFailure('schema', 'http.field_missing', `A record has none of ${paths.join(', ')}.`, {
      hint: 'The provider may have answered an error with status 200, or changed its API.',
    });
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
      const date = column.unix ? momentOf(text) : text;
      if (!date || !/^\d{4}-\d{2}-\d{2}/.test(date)) throw wrong();
      return date.slice(0, 10);
    }
    case 'TIMESTAMP': {
      const moment = column.unix ? momentOf(text) : Number.isNaN(Date.parse(text)) ? undefined : text;
      if (moment === undefined) throw wrong();
      return moment;
    }
    case 'STRING':
    case 'JSON':
      return text;
    default:
      return column.type satisfies never;
  }
}

/** Seconds since 1970, of the years that a TIMESTAMP has. */
function momentOf(seconds: string): string | undefined {
  const ms = /^-?\d/.test(seconds) ? Number(seconds) * 1000 : Number.NaN;
  return ms >= Date.parse('0001-01-01') && ms < Date.parse('+010000-01-01') ? new Date(ms).toISOString() : undefined;
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
