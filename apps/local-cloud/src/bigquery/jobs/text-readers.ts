/** Rows out of CSV and newline-delimited JSON, by a schema that is given or guessed. */
import type { DuckDBValue } from '@duckdb/node-api';
import type { Column } from '../../googlesql/contract.ts';
import { invalid } from '../errors.ts';
import type { Json } from '../rest/http.ts';
import { rowValues } from '../storage/streaming.ts';
import { checkColumn, Misfit, valueFromJson } from '../values/from-json.ts';
import { csvSchema, jsonSchema } from './autodetect.ts';
import { csvRows } from './csv.ts';

const SAMPLE = 500;

export interface Reader {
  readonly columns: readonly Column[];
  /** Each row as a thunk, so that what is wrong with one row is told apart from what is wrong with the file. */
  readonly rows: () => Generator<() => DuckDBValue[]>;
}

export function csvReader(text: string, load: Json, known: readonly Column[] | undefined): Reader {
  const delimiter = { tab: '\t', '\\t': '\t' }[String(load.fieldDelimiter)] ?? String(load.fieldDelimiter ?? ',');
  const format = { delimiter: delimiter || ',', quote: load.quote ?? '"', allowQuotedNewlines: load.allowQuotedNewlines === true };
  let skip = Number(load.skipLeadingRows ?? 0);
  let columns = known;
  const parse = () => csvRows(text, format);
  if (!columns) {
    const sample = [];
    for (const { fields } of parse()) if (sample.push(fields) >= SAMPLE) break;
    const guessed = csvSchema(sample, load.skipLeadingRows === undefined ? undefined : skip);
    columns = guessed.columns;
    skip = guessed.skip;
  }
  const wanted = columns;
  const nullMarker = load.nullMarker === undefined ? '' : String(load.nullMarker);
  return {
    columns: wanted,
    *rows() {
      let n = 0;
      for (const { fields, at } of parse()) {
        if (n++ < skip) continue;
        yield () => {
          if (fields.length > wanted.length && load.ignoreUnknownValues !== true)
            throw new Misfit('', `Too many values in row starting at location ${at}`);
          if (fields.length < wanted.length && load.allowJaggedRows !== true)
            throw new Misfit(
              '',
              `CSV table references column position ${fields.length}, but line contains only ${fields.length} columns. Row starts at location ${at}`,
            );
          return wanted.map((column, i) => {
            const field = fields[i];
            const empty =
              field === undefined ||
              (!field.quoted && field.text === nullMarker) ||
              (field.text === '' && !field.quoted && column.type.kind !== 'STRING');
            if (column.type.kind === 'ARRAY' || column.type.kind === 'STRUCT')
              throw new Misfit(column.name, `Nested and repeated fields are not supported in CSV: ${column.name}`);
            try {
              const value = empty
                ? null
                : valueFromJson(column.type, column.type.kind === 'STRING' ? field.text : field.text.trim(), column.name);
              checkColumn(column, value);
              return value;
            } catch (error) {
              if (!(error instanceof Misfit) || empty) throw error;
              throw new Misfit(
                column.name,
                `Could not parse '${field.text.slice(0, 100)}' as ${column.type.kind} for field ${column.name} (position ${i}) starting at location ${at}`,
              );
            }
          });
        };
      }
    },
  };
}

export function jsonReader(text: string, load: Json, known: readonly Column[] | undefined): Reader {
  function* lines(): Generator<[string, number]> {
    let at = 0;
    while (at < text.length) {
      const end = text.indexOf('\n', at);
      const stop = end < 0 ? text.length : end;
      const line = text.slice(at, stop).trim();
      if (line !== '') yield [line, at];
      at = stop + 1;
    }
  }
  const parse = (line: string, at: number): Record<string, unknown> => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new Misfit('', `JSON parsing error in row starting at position ${at}: Parser terminated before end of string`);
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new Misfit('', `JSON parsing error in row starting at position ${at}: Start of object expected.`);
    return value as Record<string, unknown>;
  };
  let columns = known;
  if (!columns) {
    const sample: unknown[] = [];
    for (const [line, at] of lines()) {
      try {
        sample.push(parse(line, at));
      } catch {
        // The row will be reported when it is read in earnest.
      }
      if (sample.length >= SAMPLE) break;
    }
    columns = jsonSchema(sample);
    if (columns.length === 0) throw invalid('Schema has no fields.');
  }
  const wanted = columns;
  const names = new Set(wanted.map((column) => column.name.toLowerCase()));
  return {
    columns: wanted,
    *rows() {
      for (const [line, at] of lines()) {
        yield () => {
          const row = parse(line, at);
          if (load.ignoreUnknownValues !== true) {
            for (const key of Object.keys(row))
              if (!names.has(key.toLowerCase()))
                throw new Misfit(key, `JSON parsing error in row starting at position ${at}: No such field: ${key}.`);
          }
          try {
            return rowValues({ columns: wanted }, row);
          } catch (error) {
            if (!(error instanceof Misfit)) throw error;
            throw new Misfit(
              error.location,
              `JSON parsing error in row starting at position ${at}: ${error.message}. Field: ${error.location}`,
            );
          }
        };
      }
    },
  };
}
