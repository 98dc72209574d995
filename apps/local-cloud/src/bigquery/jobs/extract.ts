/** Extract jobs: `extractSpec` checks the request and answers the work to do. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SqlType } from '../../googlesql/contract.ts';
import { quote } from '../../googlesql/sql-type.ts';
import type { Caller } from '../../identity/index.ts';
import { demand } from '../catalog/access.ts';
import { readingAll } from '../catalog/moved.ts';
import { invalid, required } from '../errors.ts';
import { tablePathOf } from '../execute/queries.ts';
import type { Json } from '../rest/http.ts';
import type { Service } from '../service.ts';
import { datetimeText } from '../values/text.ts';
import { type Cell, type CellValue, rowEncoder, type WireRow } from '../values/to-wire.ts';
import { csvLine } from './csv.ts';
import { localPath } from './local-path.ts';
import type { Work } from './work.ts';

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
    const extracted = async () => {
      const rows = `SELECT ${columns} FROM ${store.catalog.rowsOf(table)}`;
      if (format === 'PARQUET') {
        await store.database.use((connection) => connection.run(`COPY (${rows}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet)`));
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
          for await (const chunk of connection.chunks(rows)) {
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
    };
    await readingAll(store.catalog, [table], (steady) => steady(extracted));
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
