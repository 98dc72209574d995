/** Guesses a schema from sample rows, as `autodetect` does. Pure. */
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { dateDays, timeMicros, timestampMicros } from '../values/text.ts';
import type { CsvField } from './csv.ts';

type Guess = SqlType['kind'];
const BOOLEAN = /^(true|false)$/i;
const INTEGER = /^[+-]?\d{1,19}$/;
const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function textKind(text: string): Guess {
  if (BOOLEAN.test(text)) return 'BOOL';
  if (INTEGER.test(text)) return 'INT64';
  if (FLOAT.test(text)) return 'FLOAT64';
  if (dateDays(text) !== undefined) return 'DATE';
  if (timeMicros(text) !== undefined) return 'TIME';
  if (/\d[T ]\d/.test(text) && timestampMicros(text) !== undefined) return 'TIMESTAMP';
  return 'STRING';
}

function joined(a: Guess | undefined, b: Guess): Guess {
  if (a === undefined || a === b) return b;
  const pair = [a, b].sort().join();
  if (pair === 'FLOAT64,INT64') return 'FLOAT64';
  if (pair === 'DATE,TIMESTAMP') return 'TIMESTAMP';
  return 'STRING';
}

const columnName = (text: string, i: number, used: Set<string>): string => {
  let name = text.trim().replace(/[^\p{L}\p{N}_]/gu, '_') || `string_field_${i}`;
  if (/^\d/.test(name)) name = `_${name}`;
  while (used.has(name.toLowerCase())) name = `${name}_${i}`;
  used.add(name.toLowerCase());
  return name;
};

/** `headers` how many leading rows to skip; undefined: find out whether the first row is one. */
export function csvSchema(sample: readonly (readonly CsvField[])[], headers: number | undefined): { columns: Column[]; skip: number } {
  const kindsOf = (rows: readonly (readonly CsvField[])[]) => {
    const kinds: (Guess | undefined)[] = [];
    for (const row of rows) for (const [i, { text }] of row.entries()) if (text !== '') kinds[i] = joined(kinds[i], textKind(text.trim()));
    return kinds;
  };
  const body = kindsOf(sample.slice(headers ?? 1));
  const first = sample[0] ?? [];
  const looksLikeHeader =
    first.every(({ text }) => text.trim() !== '' && textKind(text.trim()) === 'STRING') &&
    (body.some((kind) => kind !== undefined && kind !== 'STRING') || sample.length === 1);
  const skip = headers ?? (looksLikeHeader ? 1 : 0);
  const kinds = skip === 0 ? kindsOf(sample) : body;
  const names = skip > 0 ? sample[skip - 1] : undefined;
  const width = Math.max(kinds.length, names?.length ?? 0, first.length);
  const used = new Set<string>();
  const columns = Array.from({ length: width }, (_, i): Column => {
    const kind = (kinds[i] ?? 'STRING') as 'STRING';
    const fallback = `${{ INT64: 'int64', FLOAT64: 'double', BOOL: 'bool', DATE: 'date', TIME: 'time', TIMESTAMP: 'timestamp' }[kind as string] ?? 'string'}_field_${i}`;
    return { name: columnName(names?.[i]?.text ?? fallback, i, used), type: { kind } };
  });
  return { columns, skip };
}

interface JsonGuess {
  kind?: Guess;
  repeated?: boolean;
  fields?: Map<string, JsonGuess>;
}
function observe(guess: JsonGuess, value: unknown): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    guess.repeated = true;
    for (const item of value) observe(guess, item);
  } else if (typeof value === 'object') {
    guess.fields ??= new Map();
    for (const [key, inner] of Object.entries(value)) {
      const field = guess.fields.get(key) ?? {};
      guess.fields.set(key, field);
      observe(field, inner);
    }
  } else {
    guess.kind = joined(
      guess.kind,
      typeof value === 'boolean'
        ? 'BOOL'
        : typeof value === 'number'
          ? Number.isInteger(value)
            ? 'INT64'
            : 'FLOAT64'
          : textKind(String(value)),
    );
  }
}
function guessedType(guess: JsonGuess): SqlType {
  const element: SqlType = guess.fields
    ? { kind: 'STRUCT', fields: [...guess.fields].map(([name, inner]) => ({ name, type: guessedType(inner) })) }
    : { kind: (guess.kind ?? 'STRING') as 'STRING' };
  return guess.repeated ? { kind: 'ARRAY', element } : element;
}

export function jsonSchema(sample: readonly unknown[]): Column[] {
  const root: JsonGuess = {};
  for (const row of sample) observe(root, row);
  return [...(root.fields ?? [])].map(([name, guess]) => ({ name, type: guessedType(guess) }));
}
