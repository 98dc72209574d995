/** A Parquet file into a table; DuckDB reads it. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { physicalType, quote } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { invalid } from '../errors.ts';
import { type Destination, writeTable } from '../execute/write-table.ts';
import type { Service } from '../service.ts';
import type { Job } from './jobs.ts';

export async function loadParquet(
  service: Service,
  caller: Caller,
  destination: Destination,
  input: Buffer | string,
  given: readonly Column[] | undefined,
  job: Job,
): Promise<{ rows: number; bytes: number }> {
  const file = typeof input === 'string' ? input : join(tmpdir(), `load-${randomUUID()}.parquet`);
  if (typeof input !== 'string') await writeFile(file, input);
  try {
    const source = `read_parquet('${file.replaceAll("'", "''")}')`;
    const described = await service.store.database
      .use((connection) => connection.rows(`DESCRIBE SELECT * FROM ${source}`))
      .catch((error: Error) => {
        throw invalid(`Error while reading data, error message: Input file is not in Parquet format: ${error.message.split('\n')[0]}`);
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
        rows = (await connection.run(`INSERT INTO ${physical} (${names}) SELECT ${casts} FROM ${source}`)).rowsChanged;
      },
      (connection) => service.jobs.store(connection, job),
    );
    return { rows, bytes: typeof input === 'string' ? 0 : input.length };
  } finally {
    if (typeof input !== 'string') await rm(file, { force: true });
  }
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
