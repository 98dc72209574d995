/**
 * Rows by the Storage Write API's default stream: visible at once, at least once.
 *
 * 1. While an append to a table is under way, what is to follow gathers into the next one: more callers make larger appends.
 * 2. A caller hears of its own rows only: when rows of several callers are refused together, each caller's are sent again alone.
 * 3. One writer a table, kept open while it is used; of tables that nobody wrote to lately the writers are closed.
 * 4. What is refused closes the writer: the next one sees the columns that the table has by then.
 * 5. What is not answered in time is sent again by another writer: the client itself waits for ever for an answer that got lost. So rows may
 *    be there twice: each table that is written like this has an id by which its readers count a row once, or readers who ask only for one.
 */
import { Transient } from '@convergence/contracts';
import { WarehouseError } from '@convergence/ports';
import type { managedwriter } from '@google-cloud/bigquery-storage';
import { bigqueryStorage } from '../clients.ts';
import type { GoogleConfig } from '../endpoints.ts';
import { mayRetry, reasonOf } from '../grpc-errors.ts';
import { within } from '../within.ts';
import { type StorageField, storageRow } from './storage-rows.ts';

type Rows = readonly Readonly<Record<string, unknown>>[];
interface Open {
  readonly writer: managedwriter.JSONWriter;
  readonly fields: readonly StorageField[];
}
interface Waiting {
  readonly rows: Rows;
  readonly done: () => void;
  readonly failed: (cause: unknown) => void;
}
const ATTEMPTS = 5;
const MAX_ROWS = 500;
const OPEN_WRITERS = 200;
const ANSWER_MS = 10_000;

export function defaultStreams(client: () => managedwriter.WriterClient, config: GoogleConfig, answerMs = ANSWER_MS) {
  /** Least recently used first. */
  const writers = new Map<string, Promise<Open>>();
  const lines = new Map<string, Waiting[]>();

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
  function writerOf(table: string): Promise<Open> {
    const found = writers.get(table) ?? open(table);
    writers.delete(table);
    writers.set(table, found);
    for (const oldest of writers.keys()) {
      if (writers.size <= OPEN_WRITERS) break;
      if (!lines.has(oldest)) forget(oldest);
    }
    return found;
  }

  async function write(table: string, rows: Rows) {
    const { writer, fields } = await writerOf(table);
    return writer.appendRows(rows.map((row) => storageRow(fields, row)) as never).getResult();
  }
  async function send(table: string, rows: Rows): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await within(write(table, rows), answerMs);
        const refused = answer.rowErrors?.[0];
        if (refused) throw new WarehouseError('invalid', `row ${refused.index}: ${refused.message}`);
        if (answer.error) throw Object.assign(new Error(answer.error.message ?? 'append failed'), { code: answer.error.code });
        return;
      } catch (cause) {
        forget(table);
        if (cause instanceof WarehouseError || cause instanceof TypeError) throw cause;
        if (!mayRetry(cause)) throw new WarehouseError(reasonOf(cause), (cause as Error).message, { cause });
        if (attempt === ATTEMPTS) throw new Transient(`${table} takes no rows`, { cause });
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
      }
    }
  }
  async function settle(table: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = batch.flatMap((waiting) => waiting.rows);
      for (let from = 0; from < rows.length; from += MAX_ROWS) await send(table, rows.slice(from, from + MAX_ROWS));
      for (const waiting of batch) waiting.done();
    } catch (cause) {
      if (batch.length === 1 || cause instanceof Transient) for (const waiting of batch) waiting.failed(cause);
      else for (const waiting of batch) await settle(table, [waiting]);
    }
  }
  async function drain(table: string, line: Waiting[]): Promise<void> {
    for (let count = 0; line.length > 0; count = 0) {
      for (let rows = 0; count < line.length && (count === 0 || rows + line[count]!.rows.length <= MAX_ROWS); count += 1)
        rows += line[count]!.rows.length;
      await settle(table, line.splice(0, count));
    }
    lines.delete(table);
  }

  return {
    append(dataset: string, name: string, rows: Rows): Promise<void> {
      if (rows.length === 0) return Promise.resolve();
      const table = `projects/${config.project}/datasets/${dataset}/tables/${name}`;
      return new Promise((done, failed) => {
        const line = lines.get(table);
        if (line) {
          line.push({ rows, done, failed });
          return;
        }
        const opened = [{ rows, done, failed }];
        lines.set(table, opened);
        // What else is written in this turn belongs to the same append.
        queueMicrotask(() => void drain(table, opened));
      });
    },
    close(): void {
      for (const table of writers.keys()) forget(table);
    },
  };
}
