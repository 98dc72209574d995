/**
 * One AppendRows connection: requests in, one answer for each in the same order.
 *
 * 1. The decision about a request (offset, schema, rows) is taken the moment it arrives, so requests of one connection
 *    take effect in order; answers wait for the write log.
 * 2. A request takes effect whole or not at all.
 * 3. What is wrong with a request is told in its answer; only bytes that are no request end the connection.
 */
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { may } from '../bigquery/catalog/access.ts';
import type { TableRecord } from '../bigquery/catalog/catalog.ts';
import { schemaFromColumns } from '../bigquery/catalog/table-schema.ts';
import type { Store } from '../bigquery/storage/store.ts';
import { Misfit } from '../bigquery/values/from-json.ts';
import type { Control } from '../control/index.ts';
import type { Caller } from '../identity/index.ts';
import {
  type AppendFailure,
  type AppendRequest,
  readAppendRequest,
  storageSchema,
  writeAppendFailure,
  writeAppendResult,
} from './messages.ts';
import { parseStreamName } from './names.ts';
import { SchemaMismatch } from './row-decoder.ts';
import { type StreamProblem, StreamRefusal } from './stream.ts';
import { type Schema, type StreamBook, schemaOf } from './stream-book.ts';

export interface AppendContext {
  readonly store: Store;
  readonly streams: StreamBook;
  readonly control: Control;
  readonly encodeTableSchema: (schema: object) => Uint8Array;
  readonly onBug: (error: unknown) => void;
}

const failures: Record<StreamProblem, { code: number; storageCode: number }> = {
  offsetAlreadyExists: { code: status.ALREADY_EXISTS, storageCode: 8 },
  offsetOutOfRange: { code: status.OUT_OF_RANGE, storageCode: 9 },
  finalized: { code: status.FAILED_PRECONDITION, storageCode: 6 },
  committed: { code: status.FAILED_PRECONDITION, storageCode: 2 },
  notFound: { code: status.NOT_FOUND, storageCode: 3 },
  notFinalized: { code: status.FAILED_PRECONDITION, storageCode: 5 },
  wrongType: { code: status.INVALID_ARGUMENT, storageCode: 4 },
};
export const failureOf = (refusal: StreamRefusal): AppendFailure => ({
  ...failures[refusal.problem],
  message: refusal.message,
  entity: refusal.entity,
});

export function appendRows(call: ServerDuplexStream<Buffer, Uint8Array>, caller: Caller, context: AppendContext): void {
  let streamName = '';
  let schema: Schema | undefined;
  let seen: TableRecord | undefined;
  let answered: Promise<void> = Promise.resolve();
  /** Bytes came that are no request: what was asked before is answered, nothing more is read, then the connection ends. */
  let broken = false;

  const answer = (bytes: Promise<Uint8Array> | Uint8Array) => {
    const ready = bytes instanceof Promise ? bytes : Promise.resolve(bytes);
    answered = answered.then(async () => {
      const message = await ready;
      if (!call.destroyed && !call.cancelled) call.write(message);
    });
    answered.catch((error) => {
      context.onBug(error);
      call.destroy(error as Error);
    });
  };

  call.on('data', (bytes: Buffer) => {
    if (broken) return;
    let request: AppendRequest;
    try {
      request = readAppendRequest(bytes);
    } catch {
      broken = true;
      void answered
        .then(() => call.emit('error', { code: status.INVALID_ARGUMENT, details: 'Request contains an invalid argument.' }))
        .catch(() => undefined);
      return;
    }
    if (request.stream !== '') streamName = request.stream;
    // Some writers send it with every request.
    if (request.schema && !(schema && Buffer.compare(schema.bytes, request.schema) === 0))
      schema = schemaOf(Uint8Array.from(request.schema));
    try {
      answer(decide(request));
    } catch (error) {
      if (error instanceof StreamRefusal) answer(writeAppendFailure(streamName, failureOf(error)));
      else if (error instanceof Refused) answer(writeAppendFailure(streamName, error.failure));
      else {
        context.onBug(error);
        answer(writeAppendFailure(streamName, { code: status.INTERNAL, message: 'Internal error encountered.' }));
      }
    }
  });
  call.on('end', () => {
    if (!broken) void answered.then(() => call.end()).catch(() => undefined);
  });

  function decide(request: AppendRequest): Promise<Uint8Array> {
    const { store, streams, control } = context;
    if (control.faults.at('storage-write.unavailable'))
      throw new Refused({ code: status.UNAVAILABLE, message: 'The service is currently unavailable.' });
    if (request.arrow) throw new Refused({ code: status.UNIMPLEMENTED, message: 'Arrow rows are not supported, send proto_rows.' });
    if (request.wantsDefaults)
      throw new Refused({ code: status.UNIMPLEMENTED, message: 'MissingValueInterpretation DEFAULT_VALUE is not supported.' });
    const name = parseStreamName(streamName);
    if (!name) throw new Refused({ code: status.INVALID_ARGUMENT, message: `Invalid stream name: ${streamName}` });
    const table = store.catalog.table(name.table);
    if (table?.kind !== 'TABLE') {
      const { project, dataset, table: id } = name.table;
      throw new Refused({
        code: status.NOT_FOUND,
        storageCode: 1,
        message: `Not found: Table ${project}:${dataset}.${id}`,
        entity: streamName,
      });
    }
    if (!may(store.catalog, caller, 'write', table.path)) {
      throw new Refused({
        code: status.PERMISSION_DENIED,
        message: `Permission 'TABLES_UPDATE_DATA' denied on resource '${streamName}' (or it may not exist).`,
      });
    }
    if (!schema)
      throw new Refused({
        code: status.INVALID_ARGUMENT,
        message: 'Invalid argument: writer schema must be provided in the first request.',
      });
    const stream = name.stream === '_default' ? undefined : streams.stream(streamName, table);
    if (!stream && request.offset !== undefined && request.offset >= 0) {
      throw new Refused({ code: status.INVALID_ARGUMENT, message: 'Offset must not be set for the default stream.' });
    }
    const decoded = decodeRows(request, table);
    const { offset, durable } = streams.append(table, stream, request.offset, schema, request.rows, decoded);
    control.stats.count(
      { product: 'storage-write', caller: caller.subject, resource: `${table.path.dataset}.${table.path.table}` },
      { appends: 1, rows: request.rows.length },
    );
    const updated =
      seen && seen !== table && seen.columns !== table.columns
        ? context.encodeTableSchema(storageSchema(schemaFromColumns(table.columns).fields))
        : undefined;
    seen = table;
    const answered = streamName;
    return durable
      .then(() => control.limits.latency(30, 80))
      .then(async () => {
        const slow = control.faults.at('storage-write.slow');
        if (slow) await control.clock.sleep(slow.delayMs);
        if (control.faults.at('storage-write.answer_lost')) call.destroy(new Error('answer lost'));
        return writeAppendResult(answered, stream ? offset : undefined, updated);
      });
  }

  function decodeRows(request: AppendRequest, table: TableRecord) {
    const rowErrors: { index: number; message: string }[] = [];
    const decoded = [];
    try {
      const decode = context.streams.decoder(table, schema!);
      for (const [index, row] of request.rows.entries()) {
        try {
          decoded.push(decode(row));
        } catch (error) {
          if (error instanceof Misfit) rowErrors.push({ index, message: error.message });
          else if (error instanceof RangeError || error instanceof TypeError)
            rowErrors.push({ index, message: 'Failed to parse the serialized row.' });
          else throw error;
        }
      }
    } catch (error) {
      if (!(error instanceof SchemaMismatch) && !(error instanceof RangeError)) throw error;
      throw new Refused({
        code: status.INVALID_ARGUMENT,
        storageCode: 7,
        message: `${error.message} Entity: ${streamName}`,
        entity: streamName,
      });
    }
    if (rowErrors.length > 0) {
      throw new Refused({
        code: status.INVALID_ARGUMENT,
        message:
          'Errors found while processing rows. Please refer to the row_errors field for details. The list may not be complete because of the size limitations.',
        rowErrors: rowErrors.slice(0, 100),
      });
    }
    return decoded;
  }
}

class Refused extends Error {
  readonly failure: AppendFailure;
  constructor(failure: AppendFailure) {
    super(failure.message);
    this.failure = failure;
  }
}
