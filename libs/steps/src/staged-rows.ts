/**
 * Rows that come from elsewhere, into the staging table: written to a file, loaded by a load job, given their lineage.
 * 1. A load table of an earlier attempt is dropped first. 2. The file is gone afterwards, whatever happens.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ColumnSpec, TableSpec } from '@convergence/ports';
import { refusedFile } from './refused-file.ts';
import { tableIn } from './sql.ts';
import type { StepContext } from './step.ts';
import { inFolder } from './step-folder.ts';
import { type Staged, stageQuery, stagingTable } from './target.ts';

export type LoadFormat = 'CSV' | 'NEWLINE_DELIMITED_JSON' | 'PARQUET';
export interface LoadFile {
  /** What its owner calls it, where it has one. */
  readonly name?: string;
  readonly path: string;
  readonly format: LoadFormat;
  readonly options?: Readonly<Record<string, unknown>>;
}

const loadTable = (context: StepContext): string => stagingTable(context).replace('x_stage_', 'x_load_');

/** One JSON object a line; what JSON can't carry exactly (NUMERIC, INT64) comes as text. */
export async function stageRows(
  context: StepContext,
  columns: readonly ColumnSpec[],
  batches: AsyncIterable<readonly Readonly<Record<string, unknown>>[]>,
): Promise<Staged> {
  return inFolder(async (folder) => {
    const path = join(folder, 'rows.ndjson');
    // A disk that is full fails this step, not the process with everybody's runs.
    await pipeline(lines(batches, jsonOf(columns), context.signal), createWriteStream(path));
    await context.crashPoint('fetched');
    return stageFiles(context, columns, [{ path, format: 'NEWLINE_DELIMITED_JSON' }]);
  });
}

async function* lines(
  batches: AsyncIterable<readonly Readonly<Record<string, unknown>>[]>,
  text: (row: Readonly<Record<string, unknown>>) => string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const rows of batches) {
    signal.throwIfAborted();
    if (rows.length > 0) yield `${rows.map(text).join('\n')}\n`;
  }
}

/** Bytes travel as base64, which JSON does not make of a Buffer by itself; looking at each value is left to rows that may have some. */
export function jsonOf(columns: readonly ColumnSpec[]): (row: Readonly<Record<string, unknown>>) => string {
  if (!columns.some(({ type }) => type.includes('BYTES'))) return (row) => JSON.stringify(row);
  return (row) =>
    JSON.stringify(row, function (this: Readonly<Record<string, unknown>>, key: string, value: unknown) {
      const own = this[key];
      return Buffer.isBuffer(own) ? own.toString('base64') : value;
    });
}

/** Without columns the load job finds them. */
export async function stageFiles(
  context: StepContext,
  columns: readonly ColumnSpec[] | undefined,
  files: readonly LoadFile[],
): Promise<Staged> {
  const { warehouse, tenant, signal } = context;
  const name = loadTable(context);
  const table = tableIn(tenant.dataset, name);
  const drop = () => warehouse.run({ sql: `DROP TABLE IF EXISTS ${table}`, defaultDataset: tenant.dataset });
  await drop();
  try {
    if (columns) {
      const spec: TableSpec = { name, description: 'Rows on their way into a table.', columns };
      await warehouse.createTable(tenant.dataset, spec);
    }
    for (const [i, { name: called, ...file }] of files.entries()) {
      signal.throwIfAborted();
      const options = { ...(!columns && { autodetect: true }), ...file.options };
      const loading = warehouse.load(tenant.dataset, name, { ...file, options }, 'append', `load_${randomUUID()}_${i}`);
      await loading.catch((error) => Promise.reject(called === undefined ? error : refusedFile(error, called)));
    }
    await context.crashPoint('loaded');
    return await stageQuery(context, `SELECT * FROM ${table}`, {}, columns);
  } finally {
    await drop().catch(() => undefined);
  }
}
