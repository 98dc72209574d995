/** Load, copy and extract jobs. Each `...Spec` checks the request and answers the work to do. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { DuckDBValue } from '@duckdb/node-api';
import type { Column, SqlType } from '../../googlesql/contract.ts';
import { physicalType } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { demand } from '../catalog/access.ts';
import { physicalName } from '../catalog/catalog.ts';
import { columnsFromSchema } from '../catalog/table-schema.ts';
import { ApiError, invalid, required } from '../errors.ts';
import { storedColumn } from '../execute/ddl.ts';
import { destinationOf, tablePathOf } from '../execute/queries.ts';
import { type Destination, writeTable } from '../execute/write-table.ts';
import type { Json } from '../rest/http.ts';
import type { Service } from '../service.ts';
import type { Connection } from '../storage/database.ts';
import { appendRows } from '../storage/ingest.ts';
import { rowValues } from '../storage/streaming.ts';
import { checkColumn, Misfit, valueFromJson } from '../values/from-json.ts';
import { duckType } from '../values/physical.ts';
import { datetimeText } from '../values/text.ts';
import { type Cell, type CellValue, rowEncoder, type WireRow } from '../values/to-wire.ts';
import { csvSchema, jsonSchema } from './autodetect.ts';
import { CsvProblem, csvLine, csvRows } from './csv.ts';
import type { Job } from './jobs.ts';

type Work = (job: Job) => Promise<void>;
const BATCH = 10_000;
const SAMPLE = 500;
const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A `gs://` object is a file of the objects folder; other files of the machine are for its owner alone. */
function localPath(service: Service, uri: unknown, caller: Caller): string {
  if (typeof uri !== 'string') throw invalid('Invalid source URI.');
  const object = /^gs:\/\/([^/]+)\/(.+)$/.exec(uri);
  if (object) {
    const path = resolve(service.objects, object[1]!, object[2]!);
    if (!path.startsWith(resolve(service.objects, object[1]!) + sep) || object[1]!.startsWith('.'))
      throw invalid(`Invalid source URI: ${uri}`);
    return path;
  }
  if (!uri.startsWith('file://') && !uri.startsWith('/'))
    throw invalid(`Source URI must be a Google Cloud Storage location or a local file: ${uri}`);
  if (!caller.owner) throw new ApiError('accessDenied', 'Access Denied: only the owner of this machine may name local files.');
  return uri.startsWith('file://') ? fileURLToPath(uri) : uri;
}

export function loadSpec(service: Service, project: string, caller: Caller, load: Json, media: Buffer | undefined): Work {
  const destination = destinationOf(load, project, 'WRITE_APPEND');
  if (!destination) throw required('configuration.load.destinationTable');
  const format = String(load.sourceFormat ?? 'CSV').toUpperCase();
  if (!['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET'].includes(format))
    throw invalid(`Unsupported sourceFormat: ${format}. CSV, NEWLINE_DELIMITED_JSON and PARQUET are supported.`);
  const uris: unknown[] = load.sourceUris ?? [];
  if (media === undefined && uris.length === 0) throw required('configuration.load.sourceUris');
  const given = load.schema?.fields ? columnsFromSchema(load.schema.fields) : undefined;
  const paths = uris.map((uri) => localPath(service, uri, caller));
  return async (job) => {
    let rows = 0;
    let bytes = 0;
    const inputs: (Buffer | string)[] = media === undefined ? paths : [media];
    let target = destination;
    for (const input of inputs) {
      const count =
        format === 'PARQUET'
          ? await loadParquet(service, caller, target, input, given, job)
          : await loadText(service, caller, target, format, typeof input === 'string' ? await readInput(input) : input, load, given, job);
      rows += count.rows;
      bytes += count.bytes;
      // The second file of one job joins the first, whatever the disposition.
      target = { ...destination, write: 'WRITE_APPEND' };
    }
    job.statistics = {
      load: {
        inputFiles: String(inputs.length),
        inputFileBytes: String(bytes),
        outputRows: String(rows),
        outputBytes: String(bytes),
        badRecords: '0',
      },
    };
    service.control.stats.count(
      { product: 'bigquery', caller: caller.subject, resource: `${destination.path.dataset}.${destination.path.table}` },
      { loads: 1, rows },
    );
  };
}

const readInput = (path: string): Promise<Buffer> =>
  readFile(path).catch(() => {
    throw new ApiError('notFound', `Not found: URI ${path}`);
  });

function failed(format: string, errors: readonly string[]): ApiError {
  const what = format === 'CSV' ? 'CSV' : 'JSON';
  return new ApiError(
    'invalid',
    `Error while reading data, error message: ${what} table encountered too many errors, giving up. Rows: ${errors.length}; errors: ${errors.length}. ${errors[0] ?? ''}`.trim(),
  );
}

async function loadText(
  service: Service,
  caller: Caller,
  destination: Destination,
  format: string,
  input: Buffer,
  load: Json,
  given: readonly Column[] | undefined,
  job: Job,
): Promise<{ rows: number; bytes: number }> {
  const bytes = input[0] === 0x1f && input[1] === 0x8b ? gunzipSync(input) : input;
  const encoding = String(load.encoding ?? 'UTF-8').toUpperCase() === 'ISO-8859-1' ? 'latin1' : 'utf8';
  const text = bytes.toString(encoding).replace(/^\uFEFF/, '');
  const existing = service.metadata.find(destination.path);
  const known =
    given ?? (load.autodetect && !(existing && destination.write === 'WRITE_APPEND') ? undefined : existing?.columns.map(storedColumn));
  if (!known && !load.autodetect) throw invalid('No schema specified on job or table.');
  const reader = format === 'CSV' ? csvReader(text, load, known) : jsonReader(text, load, known);
  const { columns } = reader;
  let rows = 0;
  const most = Number(load.maxBadRecords ?? 0);
  const errors: string[] = [];
  await writeTable(
    service,
    caller,
    destination,
    columns,
    async (connection, physical) => {
      const names = columns.map((column) => quote(column.name)).join(', ');
      const temporary = `"load_${randomUUID().replaceAll('-', '')}"`;
      // Columns may be fewer than the table's, or in another order: gather first, insert by name.
      await connection.run(
        `CREATE TEMP TABLE ${temporary} (${columns.map((column) => `${quote(column.name)} ${physicalType(column.type)}`).join(', ')})`,
      );
      const target = {
        id: 0,
        physical: temporary,
        types: columns.map((column) => duckType(column.type)),
        ensure: async () => () => undefined,
      };
      let batch: DuckDBValue[][] = [];
      const flush = async () => {
        await appendRows(connection, target, batch);
        rows += batch.length;
        batch = [];
        await breathe();
        if (job.abort.signal.aborted) throw new ApiError('stopped', 'Job execution was cancelled: User requested cancellation');
      };
      for (const read of reader.rows()) {
        try {
          batch.push(read());
        } catch (error) {
          if (!(error instanceof Misfit) && !(error instanceof CsvProblem)) throw error;
          errors.push(error.message);
          if (errors.length > most) throw failed(format, errors);
        }
        if (batch.length >= BATCH) await flush();
      }
      await flush();
      await connection.run(`INSERT INTO ${physical} (${names}) SELECT ${names} FROM ${temporary}`);
      await connection.run(`DROP TABLE ${temporary}`);
    },
    (connection) => service.jobs.store(connection, job),
  );
  return { rows, bytes: input.length };
}

interface Reader {
  readonly columns: readonly Column[];
  /** Each row as a thunk, so that what is wrong with one row is told apart from what is wrong with the file. */
  readonly rows: () => Generator<() => DuckDBValue[]>;
}

function csvReader(text: string, load: Json, known: readonly Column[] | undefined): Reader {
  const delimiter = { tab: '\t', '\\t': '\t' }[String(load.fieldDelimiter)] ?? String(load.fieldDelimiter ?? ',');
  const format = { delimiter: delimiter || ',', quote: load.quote ?? '"', allowQuotedNewlines: load.allowQuotedNewlines === true };
  let skip = Number(load.skipLeadingRows ?? 0);
  let columns = known;
  const parse = () => csvRows(text, format);
  const problem = (error: unknown) =>
    error instanceof CsvProblem ? failed('CSV', [`${error.message} starting at location ${error.at}`]) : error;
  if (!columns) {
    const sample = [];
    try {
      for (const { fields } of parse()) if (sample.push(fields) >= SAMPLE) break;
    } catch (error) {
      throw problem(error);
    }
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
      try {
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
      } catch (error) {
        throw problem(error);
      }
    },
  };
}

function jsonReader(text: string, load: Json, known: readonly Column[] | undefined): Reader {
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
          return rowValues({ columns: wanted }, row);
        };
      }
    },
  };
}

async function loadParquet(
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

export function copySpec(service: Service, project: string, caller: Caller, copy: Json): Work {
  const destination = destinationOf(copy, project);
  if (!destination) throw required('configuration.copy.destinationTable');
  const references = copy.sourceTables ?? (copy.sourceTable ? [copy.sourceTable] : []);
  if (references.length === 0) throw required('configuration.copy.sourceTable');
  const sources = references.map((reference: Json) => tablePathOf(reference, project, 'sourceTable.tableId'));
  return async (job) => {
    const { store, metadata } = service;
    const tables = sources.map((path: (typeof sources)[number]) => metadata.table(path));
    for (const table of tables) {
      demand(store.catalog, caller, 'read', table.path);
      if (table.kind === 'VIEW')
        throw invalid(
          `${table.path.project}:${table.path.dataset}.${table.path.table} is not allowed for this operation because it is currently a VIEW.`,
        );
    }
    const [first] = tables;
    for (const other of tables) {
      if (JSON.stringify(other.columns.map(storedColumn)) !== JSON.stringify(first.columns.map(storedColumn)))
        throw invalid('Source tables of a copy job must have the same schema.');
    }
    await store.readable(tables);
    let rows = 0;
    const names = first.columns.map((column: Column) => quote(column.name)).join(', ');
    await writeTable(
      service,
      caller,
      {
        ...destination,
        settings: {
          ...(first.partitioning ? { partitioning: first.partitioning } : {}),
          ...(first.clustering ? { clustering: first.clustering } : {}),
          ...(first.description ? { description: first.description } : {}),
        },
      },
      first.columns,
      async (connection: Connection, physical: string) => {
        for (const table of tables)
          rows += (await connection.run(`INSERT INTO ${physical} (${names}) SELECT ${names} FROM ${physicalName(table.id)}`)).rowsChanged;
      },
      (connection) => service.jobs.store(connection, job),
    );
    job.statistics = { copy: { copiedRows: String(rows), copiedLogicalBytes: '0' } };
  };
}

export function extractSpec(service: Service, project: string, caller: Caller, extract: Json): Work {
  const path = tablePathOf(extract.sourceTable, project, 'sourceTable.tableId');
  const uris: unknown[] = extract.destinationUris ?? (extract.destinationUri ? [extract.destinationUri] : []);
  if (uris.length === 0) throw required('configuration.extract.destinationUris');
  if (uris.length > 1) throw invalid('Only one destination URI is supported.');
  const file = localPath(service, uris[0], caller).replace('*', '000000000000');
  const format = String(extract.destinationFormat ?? 'CSV').toUpperCase();
  if (!['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET'].includes(format)) throw invalid(`Unsupported destinationFormat: ${format}.`);
  return async (job) => {
    const { store, metadata } = service;
    const table = metadata.table(path);
    demand(store.catalog, caller, 'read', path);
    if (table.kind === 'VIEW')
      throw invalid(`${path.project}:${path.dataset}.${path.table} is not allowed for this operation because it is currently a VIEW.`);
    await store.readable([table]);
    await mkdir(dirname(file), { recursive: true });
    const columns = table.columns.map((column) => quote(column.name)).join(', ');
    if (format === 'PARQUET') {
      await store.database.use((connection) =>
        connection.run(`COPY (SELECT ${columns} FROM ${physicalName(table.id)}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet)`),
      );
    } else {
      if (format === 'CSV' && table.columns.some(({ type }) => type.kind === 'ARRAY' || type.kind === 'STRUCT'))
        throw invalid('Operation cannot be performed on a nested schema. CSV cannot hold nested or repeated fields.');
      const out = createWriteStream(file);
      const encode = rowEncoder(table.columns);
      const delimiter = { tab: '\t' }[String(extract.fieldDelimiter)] ?? String(extract.fieldDelimiter ?? ',');
      const write = async (text: string) => {
        if (!out.write(text)) await once(out, 'drain');
      };
      if (format === 'CSV' && extract.printHeader !== false)
        await write(
          `${csvLine(
            table.columns.map((column) => column.name),
            delimiter,
          )}\n`,
        );
      await store.database.use(async (connection) => {
        for await (const chunk of connection.chunks(`SELECT ${columns} FROM ${physicalName(table.id)}`)) {
          const lines = chunk.getRows().map((row) => {
            const wire = encode(row);
            return format === 'CSV'
              ? csvLine(
                  wire.f.map((cell, i) => plainText(table.columns[i]!.type, cell.v)),
                  delimiter,
                )
              : JSON.stringify(plainRow(table.columns, wire));
          });
          await write(`${lines.join('\n')}\n`);
        }
      });
      out.end();
      await once(out, 'finish');
    }
    const { bytes } = await service.sizes.of(table);
    job.statistics = { extract: { destinationUriFileCounts: ['1'], inputBytes: String(bytes) } };
  };
}

const timestampText = (micros: string) =>
  `${datetimeText(BigInt(micros))
    .replace('T', ' ')
    .replace(/(\.\d{3})000$/, '$1')} UTC`;

function plainText(type: SqlType, value: CellValue): string | null {
  if (value === null) return null;
  return type.kind === 'TIMESTAMP' ? timestampText(value as string) : (value as string);
}

function plainValue(type: SqlType, value: CellValue): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case 'ARRAY':
      return (value as Cell[]).map((cell) => plainValue(type.element, cell.v));
    case 'STRUCT':
      return plainRow(type.fields, value as WireRow);
    case 'BOOL':
      return value === 'true';
    case 'FLOAT64':
      return Number.isFinite(Number(value)) ? Number(value) : value;
    case 'JSON':
      return JSON.parse(value as string);
    case 'TIMESTAMP':
      return timestampText(value as string);
    default:
      return value;
  }
}
const plainRow = (columns: readonly { readonly name: string; readonly type: SqlType }[], row: WireRow): Record<string, unknown> =>
  Object.fromEntries(columns.map(({ name, type }, i) => [name, plainValue(type, row.f[i]!.v)]).filter(([, value]) => value !== null));
