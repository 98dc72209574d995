/** BigQuery Storage Write over gRPC: the unary calls, and the composition with the streams that the BigQuery store remembers. */
import { may } from '../bigquery/catalog/access.ts';
import type { TableRecord } from '../bigquery/catalog/catalog.ts';
import { schemaFromColumns } from '../bigquery/catalog/table-schema.ts';
import type { Store } from '../bigquery/storage/store.ts';
import type { Control } from '../control/index.ts';
import { GrpcRefusal } from '../grpc/refusal.ts';
import { type Call, descriptors, listen } from '../grpc/server.ts';
import { type Caller, type Identity, Unauthenticated } from '../identity/index.ts';
import { appendRows } from './append-rows.ts';
import { storageSchema } from './messages.ts';
import { parseStreamName, parseTableName } from './names.ts';
import { type Stream, StreamRefusal, type StreamType } from './stream.ts';
import type { StreamBook } from './stream-book.ts';

export interface StorageWrite {
  readonly port: number;
  close(): Promise<void>;
}

export const FAULT_POINTS = {
  'storage-write.unavailable': 'an append is refused with UNAVAILABLE before it takes effect',
  'storage-write.slow': 'the answer to an append comes late, after its effect',
  'storage-write.answer_lost': 'the connection breaks after an append took effect, before its answer',
};

const MAX_REQUEST = 20 * 1024 * 1024;
const SERVICE = 'google.cloud.bigquery.storage.v1.BigQueryWrite';
const problems = {
  notFound: ['NOT_FOUND', 'STREAM_NOT_FOUND'],
  finalized: ['FAILED_PRECONDITION', 'STREAM_FINALIZED'],
  committed: ['FAILED_PRECONDITION', 'STREAM_ALREADY_COMMITTED'],
  notFinalized: ['FAILED_PRECONDITION', 'INVALID_STREAM_STATE'],
  wrongType: ['INVALID_ARGUMENT', 'INVALID_STREAM_TYPE'],
  offsetOutOfRange: ['OUT_OF_RANGE', 'OFFSET_OUT_OF_RANGE'],
  offsetAlreadyExists: ['ALREADY_EXISTS', 'OFFSET_ALREADY_EXISTS'],
} as const;

export async function startStorageWrite(options: {
  readonly port: number;
  readonly host?: string;
  readonly store: Store;
  readonly streams: StreamBook;
  readonly identity: Identity;
  readonly control: Control;
  readonly log: (message: string, error?: unknown) => void;
}): Promise<StorageWrite> {
  const { store, streams, identity, control, log } = options;
  control.faults.declare(FAULT_POINTS);
  const root = descriptors('@google-cloud/bigquery-storage/build/protos/protos.json');
  const tableSchema = root.lookupType('google.cloud.bigquery.storage.v1.TableSchema');
  const encodeTableSchema = (schema: object) => tableSchema.encode(tableSchema.fromObject(schema)).finish();

  const callerOf = async (metadata: Call['metadata']): Promise<Caller> => {
    try {
      return await identity.callerOf(metadata.get('authorization')[0]?.toString());
    } catch (error) {
      if (error instanceof Unauthenticated) throw new GrpcRefusal('UNAUTHENTICATED', error.message);
      throw error;
    }
  };

  const tableFor = async (call: Call, name: string): Promise<TableRecord> => {
    const caller = await callerOf(call.metadata);
    const path = parseTableName(name);
    if (!path) throw new GrpcRefusal('INVALID_ARGUMENT', `Invalid table name: ${name}`);
    const table = store.catalog.table(path);
    if (table?.kind !== 'TABLE') throw new GrpcRefusal('NOT_FOUND', `Not found: Table ${path.project}:${path.dataset}.${path.table}`);
    if (!may(store.catalog, caller, 'write', path)) {
      throw new GrpcRefusal('PERMISSION_DENIED', `Permission 'TABLES_UPDATE_DATA' denied on resource '${name}' (or it may not exist).`);
    }
    return table;
  };
  const streamFor = async (call: Call, name: string): Promise<{ table: TableRecord; stream: Stream }> => {
    const parsed = parseStreamName(name);
    if (!parsed) throw new GrpcRefusal('INVALID_ARGUMENT', `Invalid stream name: ${name}`);
    const { project, dataset, table: id } = parsed.table;
    const table = await tableFor(call, `projects/${project}/datasets/${dataset}/tables/${id}`);
    return { table, stream: streams.stream(name, table) };
  };
  const refusing = <T>(work: () => Promise<T>): Promise<T> =>
    work().catch((error: unknown) => {
      if (error instanceof StreamRefusal) throw new GrpcRefusal(problems[error.problem][0], error.message);
      throw error;
    });

  const timestamp = (millis: number) => ({ seconds: Math.floor(millis / 1000), nanos: (millis % 1000) * 1_000_000 });
  const describe = (stream: Pick<Stream, 'name' | 'type' | 'created' | 'committed'>, table: TableRecord, withSchema: boolean) => ({
    name: stream.name,
    type: stream.type,
    createTime: timestamp(stream.created),
    ...(stream.committed === undefined ? {} : { commitTime: timestamp(stream.committed) }),
    writeMode: 'INSERT',
    location: table.location,
    ...(withSchema ? { tableSchema: storageSchema(schemaFromColumns(table.columns).fields) } : {}),
  });

  const server = await listen({
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
    maxRequestBytes: MAX_REQUEST,
    onBug: (method, error) => log(`storage-write: ${method} failed`, error),
    services: [
      {
        root,
        name: SERVICE,
        handlers: {
          CreateWriteStream: (request: { parent?: string; writeStream?: { type?: string } }, call: Call) =>
            refusing(async () => {
              const table = await tableFor(call, request.parent ?? '');
              const type = request.writeStream?.type ?? 'TYPE_UNSPECIFIED';
              if (type !== 'COMMITTED' && type !== 'PENDING' && type !== 'BUFFERED') {
                throw new GrpcRefusal('INVALID_ARGUMENT', 'Stream type must be COMMITTED, PENDING or BUFFERED.');
              }
              return describe(await streams.create(request.parent!, table, type as StreamType), table, true);
            }),
          GetWriteStream: (request: { name?: string; view?: string }, call: Call) =>
            refusing(async () => {
              const name = request.name ?? '';
              const full = request.view === 'FULL';
              const parsed = parseStreamName(name);
              if (parsed?.stream === '_default') {
                const { project, dataset, table: id } = parsed.table;
                const table = await tableFor(call, `projects/${project}/datasets/${dataset}/tables/${id}`);
                return describe({ name, type: 'COMMITTED', created: table.created }, table, full);
              }
              const { table, stream } = await streamFor(call, name);
              return describe(stream, table, full);
            }),
          FinalizeWriteStream: (request: { name?: string }, call: Call) =>
            refusing(async () => {
              const { stream } = await streamFor(call, request.name ?? '');
              return { rowCount: await streams.finalize(stream) };
            }),
          FlushRows: (request: { writeStream?: string; offset?: { value?: number } }, call: Call) =>
            refusing(async () => {
              const { table, stream } = await streamFor(call, request.writeStream ?? '');
              const offset = request.offset ? (request.offset.value ?? 0) : stream.next - 1;
              await streams.flush(table, stream, offset);
              return { offset };
            }),
          BatchCommitWriteStreams: (request: { parent?: string; writeStreams?: string[] }, call: Call) =>
            refusing(async () => {
              const table = await tableFor(call, request.parent ?? '');
              const named: Stream[] = [];
              const streamErrors: unknown[] = [];
              const note = (error: unknown) => {
                if (!(error instanceof StreamRefusal)) throw error;
                streamErrors.push({ code: problems[error.problem][1], entity: error.entity, errorMessage: error.message });
              };
              for (const name of new Set(request.writeStreams ?? [])) {
                try {
                  named.push(streams.stream(name, table));
                } catch (error) {
                  note(error);
                }
              }
              if (named.length === 0 && streamErrors.length === 0)
                throw new GrpcRefusal('INVALID_ARGUMENT', 'write_streams must not be empty.');
              if (streamErrors.length > 0) return { streamErrors };
              try {
                return { commitTime: timestamp(await streams.commit(table, named)) };
              } catch (error) {
                note(error);
                return { streamErrors };
              }
            }),
          AppendRows: {
            bidi: (call) => {
              callerOf(call.metadata).then(
                (caller) =>
                  appendRows(call, caller, {
                    store,
                    streams,
                    control,
                    encodeTableSchema,
                    onBug: (error) => log('storage-write: AppendRows failed', error),
                  }),
                (error: GrpcRefusal) => call.emit('error', error),
              );
            },
          },
        },
      },
    ],
  });
  return { port: server.port, close: () => server.close() };
}
