/** Load jobs: `loadSpec` checks the request and answers the work to do. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { DuckDBValue } from '@duckdb/node-api';
import type { Column } from '../../googlesql/contract.ts';
import { physicalType, quote } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { storedColumn } from '../catalog/stored-column.ts';
import { columnsFromSchema } from '../catalog/table-schema.ts';
import { ApiError, invalid, required } from '../errors.ts';
import { destinationOf } from '../execute/queries.ts';
import { type Destination, writeTable } from '../execute/write-table.ts';
import type { Json } from '../rest/http.ts';
import type { Service } from '../service.ts';
import { appendRows } from '../storage/ingest.ts';
import { Misfit } from '../values/from-json.ts';
import { duckType } from '../values/physical.ts';
import { badRows, type LoadedFile, noFile, UPLOADED, unreadable } from './bad-file.ts';
import { CsvProblem } from './csv.ts';
import type { Job } from './jobs.ts';
import { loadParquet } from './load-parquet.ts';
import { localPath } from './local-path.ts';
import { csvReader, jsonReader } from './text-readers.ts';
import type { Work } from './work.ts';

const BATCH = 10_000;

export function loadSpec(service: Service, project: string, caller: Caller, load: Json, media: Buffer | undefined): Work {
  const destination = destinationOf(load, project, 'WRITE_APPEND');
  if (!destination) throw required('configuration.load.destinationTable');
  const format = String(load.sourceFormat ?? 'CSV').toUpperCase();
  if (!['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET'].includes(format))
    throw invalid(`Unsupported sourceFormat: ${format}. CSV, NEWLINE_DELIMITED_JSON and PARQUET are supported.`);
  const uris: unknown[] = load.sourceUris ?? [];
  if (media === undefined && uris.length === 0) throw required('configuration.load.sourceUris');
  const given = load.schema?.fields ? columnsFromSchema(load.schema.fields) : undefined;
  const there: LoadedFile[] = uris.map((uri) => ({ name: String(uri), content: localPath(service, uri, caller) }));
  return async (job) => {
    let rows = 0;
    let bytes = 0;
    const inputs = media === undefined ? there : [{ name: UPLOADED, content: media }];
    let target = destination;
    for (const input of inputs) {
      const count =
        format === 'PARQUET'
          ? await loadParquet(service, caller, target, input, given, job)
          : await loadText(service, caller, target, format, input, load, given, job).catch((error) => {
              throw error instanceof CsvProblem ? unreadable(input.name, error.message) : error;
            });
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

async function bytesOf({ name, content }: LoadedFile): Promise<Buffer> {
  if (typeof content !== 'string') return content;
  return readFile(content).catch(() => {
    throw noFile(name);
  });
}

function unzipped(file: string, bytes: Buffer): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch {
    throw unreadable(file, 'Failed to decompress the file: it is no whole gzip file.');
  }
}

async function loadText(
  service: Service,
  caller: Caller,
  destination: Destination,
  format: string,
  file: LoadedFile,
  load: Json,
  given: readonly Column[] | undefined,
  job: Job,
): Promise<{ rows: number; bytes: number }> {
  const input = await bytesOf(file);
  const bytes = unzipped(file.name, input);
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
  const wrong: string[] = [];
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
      let seen = 0;
      for (const read of reader.rows()) {
        seen++;
        try {
          batch.push(read());
        } catch (error) {
          if (!(error instanceof Misfit)) throw error;
          wrong.push(error.message);
          if (wrong.length > most) throw badRows(file.name, format, seen, wrong, most);
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
