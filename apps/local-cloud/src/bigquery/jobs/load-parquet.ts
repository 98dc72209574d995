/** A Parquet file into a table; DuckDB reads it. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { physicalType, quote } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { duckError } from '../execute/errors.ts';
import { type Destination, writeTable } from '../execute/write-table.ts';
import type { Service } from '../service.ts';
import { type LoadedFile, noFile, unreadable } from './bad-file.ts';
import type { Job } from './jobs.ts';

export async function loadParquet(
  service: Service,
  caller: Caller,
  destination: Destination,
  { name: called, content }: LoadedFile,
  given: readonly Column[] | undefined,
  job: Job,
): Promise<{ rows: number; bytes: number }> {
  const file = typeof content === 'string' ? content : join(tmpdir(), `load-${randomUUID()}.parquet`);
  if (typeof content !== 'string') await writeFile(file, content);
  try {
    const source = `read_parquet('${file.replaceAll("'", "''")}')`;
    const described = await service.store.database
      .use((connection) => connection.rows(`DESCRIBE SELECT * FROM ${source}`))
      .catch((error: Error) => {
        throw /No files found/.test(error.message) ? noFile(called) : unreadable(called, 'Input file is not in Parquet format.');
      });
    const columns: Column[] = described.map(([name, type]) => {
      const wanted = given?.find((column) => column.name.toLowerCase() === String(name).toLowerCase());
      return wanted ?? { name: String(name), type: fromDuckType(String(type)) };
    });
    let rows = 0;
    await writeTable(
      service,
      caller,
      destination,
      columns,
      async (connection, physical) => {
        const names = columns.map((column) => quote(column.name)).join(', ');
        const casts = columns.map((column) => `CAST(${quote(column.name)} AS ${physicalType(column.type)})`).join(', ');
        const insert = connection.run(`INSERT INTO ${physical} (${names}) SELECT ${casts} FROM ${source}`);
        rows = (await insert.catch((error: Error) => Promise.reject(readProblem(error, called, described, columns)))).rowsChanged;
      },
      (connection) => service.jobs.store(connection, job),
    );
    return { rows, bytes: typeof content === 'string' ? 0 : content.length };
  } finally {
    if (typeof content !== 'string') await rm(file, { force: true });
  }
}

/** A value that is not of its column's type, or a part of the file that is damaged; what else goes wrong is not about the file. */
function readProblem(error: Error, file: string, described: readonly (readonly unknown[])[], columns: readonly Column[]): Error {
  const cast = /^Conversion Error: .*when casting from source column (.+)$/.exec(error.message.split('\n')[0]!);
  const at = described.findIndex(([name]) => name === cast?.[1]);
  if (at >= 0) {
    const [name, type] = described[at]!;
    const found = type === 'VARCHAR' || type === 'BLOB' ? 'BYTE_ARRAY' : type;
    return unreadable(
      file,
      `Parquet column '${name}' has type ${found} which does not match the target cpp_type ${columns[at]!.type.kind}.`,
    );
  }
  if (/^(Invalid( Input)?|IO|Serialization) Error/.test(error.message))
    return unreadable(file, 'Failed to read the Parquet file: a part of it is corrupt.');
  return duckError(error);
}

/** DuckDB's type text, as DESCRIBE prints it, as the GoogleSQL type that a Parquet column becomes. */
function fromDuckType(text: string): SqlType {
  if (text.endsWith('[]')) return { kind: 'ARRAY', element: fromDuckType(text.slice(0, -2)) };
  const struct = /^STRUCT\((.*)\)$/.exec(text);
  if (struct) {
    const fields: { name: string; type: SqlType }[] = [];
    let depth = 0;
    let start = 0;
    const parts: string[] = [];
    for (const [i, ch] of [...struct[1]!].entries()) {
      if (ch === '(') depth++;
      else if (ch === ')') depth--;
      else if (ch === ',' && depth === 0) {
        parts.push(struct[1]!.slice(start, i));
        start = i + 1;
      }
    }
    parts.push(struct[1]!.slice(start));
    for (const part of parts) {
      const m = /^\s*(?:"((?:[^"]|"")*)"|(\S+))\s+(.*)$/.exec(part)!;
      fields.push({ name: (m[1] ?? m[2])!.replaceAll('""', '"'), type: fromDuckType(m[3]!) });
    }
    return { kind: 'STRUCT', fields };
  }
  if (/^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/.test(text)) return { kind: 'INT64' };
  if (/^(FLOAT|DOUBLE)$/.test(text)) return { kind: 'FLOAT64' };
  if (/^(DECIMAL|UBIGINT|HUGEINT)/.test(text)) return { kind: 'NUMERIC' };
  if (text === 'BOOLEAN') return { kind: 'BOOL' };
  if (text === 'BLOB') return { kind: 'BYTES' };
  if (text === 'DATE') return { kind: 'DATE' };
  if (text === 'TIME') return { kind: 'TIME' };
  if (text === 'TIMESTAMP WITH TIME ZONE') return { kind: 'TIMESTAMP' };
  if (/^TIMESTAMP/.test(text)) return { kind: 'DATETIME' };
  return { kind: 'STRING' };
}
