/** Rows by the Storage Write API's default stream: visible at once, at least once. One writer a table, kept open. */
import { Transient } from '@convergence/contracts';
import { WarehouseError } from '@convergence/ports';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import { bigqueryStorage } from '../clients.ts';
import type { GoogleConfig } from '../endpoints.ts';
import { mayRetry } from '../grpc-errors.ts';
import { type StorageField, storageRow } from './storage-rows.ts';

interface Open {
  readonly writer: managedwriter.JSONWriter;
  readonly fields: readonly StorageField[];
}
const ATTEMPTS = 5;
const MAX_ROWS = 500;

export function defaultStreams(client: () => managedwriter.WriterClient, config: GoogleConfig) {
  const writers = new Map<string, Promise<Open>>();

  async function open(table: string): Promise<Open> {
    const { adapt, managedwriter, protos } = bigqueryStorage();
    const streamId = `${table}/streams/_default`;
    const { tableSchema } = await client().getWriteStream({
      streamId,
      view: protos.google.cloud.bigquery.storage.v1.WriteStreamView.FULL,
    });
    if (!tableSchema) throw new Error(`${table} shows no schema`);
    const connection = await client().createStreamConnection({ streamId });
    connection.onConnectionError(() => forget(table));
    const protoDescriptor = adapt.convertStorageSchemaToProto2Descriptor(tableSchema, 'root');
    return { writer: new managedwriter.JSONWriter({ connection, protoDescriptor }), fields: (tableSchema.fields ?? []) as StorageField[] };
  }
  function forget(table: string): void {
    const old = writers.get(table);
    writers.delete(table);
    old?.then(
      ({ writer }) => writer.close(),
      () => undefined,
    );
  }

  async function send(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const opening = writers.get(table) ?? open(table);
        writers.set(table, opening);
        const { writer, fields } = await opening;
        const answer = await writer.appendRows(rows.map((row) => storageRow(fields, row)) as never).getResult();
        const refused = answer.rowErrors?.[0];
        if (refused) throw new WarehouseError('invalid', `row ${refused.index}: ${refused.message}`);
        if (answer.error) throw Object.assign(new Error(answer.error.message ?? 'append failed'), { code: answer.error.code });
        return;
      } catch (cause) {
        if (cause instanceof WarehouseError || cause instanceof TypeError) throw cause;
        forget(table);
        if (!mayRetry(cause)) throw new WarehouseError('invalid', (cause as Error).message, { cause });
        if (attempt === ATTEMPTS) throw new Transient(`${table} takes no rows`, { cause });
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
      }
    }
  }

  return {
    async append(dataset: string, name: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
      const table = `projects/${config.project}/datasets/${dataset}/tables/${name}`;
      for (let from = 0; from < rows.length; from += MAX_ROWS) await send(table, rows.slice(from, from + MAX_ROWS));
    },
    close(): void {
      for (const table of writers.keys()) forget(table);
    },
  };
}
