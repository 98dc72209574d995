/**
 * What the Storage Write API remembers: streams, their next offsets, and whether they still take rows. Its memory is the
 * write log; this file knows no gRPC.
 *
 * 1. An append with an offset takes effect only at exactly the stream's next offset; offsets of one stream have no gaps.
 * 2. Once `finalize` was answered no append to the stream is ever accepted, by any connection, before or after a restart.
 * 3. Rows of a pending stream become visible all together, with those of every stream committed in the same call, or not at all.
 * 4. Rows of a buffered stream become visible up to the flushed offset.
 * 5. A stream belongs to one physical table: if that is dropped or replaced the stream is gone.
 */

import { createHash, randomUUID } from 'node:crypto';
import { BIGINT, type DuckDBType, type DuckDBValue } from '@duckdb/node-api';
import type { TableRecord } from '../bigquery/catalog/catalog.ts';
import type { Connection } from '../bigquery/storage/connection.ts';
import type { Target } from '../bigquery/storage/ingest.ts';
import { columnsDdl, ingestionTime, type LogKeeper, type Store } from '../bigquery/storage/store.ts';
import type { LogRecord } from '../bigquery/storage/write-log.ts';
import { duckType } from '../bigquery/values/physical.ts';
import { quote } from '../googlesql/sql-type.ts';
import { appendParts, readAppend } from './append-record.ts';
import { readDescriptor } from './descriptor.ts';
import { type RowDecoder, rowDecoder } from './row-decoder.ts';
import { type Stream, StreamRefusal, type StreamType } from './stream.ts';

const KIND = { change: 1, append: 2, head: 3, schema: 4 } as const;
const FORGET_AFTER_MS = 3 * 24 * 3600 * 1000;
const stagingName = (id: number) => `"w${id}"`;

export interface Schema {
  readonly hash: string;
  readonly bytes: Uint8Array;
}
export const schemaOf = (bytes: Uint8Array): Schema => ({ hash: createHash('sha1').update(bytes).digest('hex').slice(0, 20), bytes });

export class StreamBook implements LogKeeper {
  readonly tables = ['CREATE TABLE IF NOT EXISTS local_stream_flushes (stream VARCHAR, flushed BIGINT, committed BIGINT)'];
  readonly #streams = new Map<string, Stream>();
  readonly #schemas = new Map<string, Uint8Array>();
  readonly #schemasInSegment = new Set<string>();
  readonly #decoders = new WeakMap<TableRecord, Map<string, RowDecoder>>();
  readonly #flushedOnDisk = new Map<string, { flushed: number; committed: number }>();
  #store!: Store;

  async load(store: Store, connection: Connection): Promise<void> {
    this.#store = store;
    for (const [stream, flushed, committed] of await connection.rows(
      'SELECT stream, max(flushed), max(committed) FROM local_stream_flushes GROUP BY stream',
    )) {
      this.#flushedOnDisk.set(String(stream), { flushed: Number(flushed), committed: Number(committed) });
    }
  }

  head(): { kind: number; payload: Buffer }[] {
    this.#schemasInSegment.clear();
    const now = Date.now();
    for (const stream of this.#streams.values()) {
      if (stream.closed !== undefined && stream.closed < now - FORGET_AFTER_MS) this.#streams.delete(stream.name);
    }
    return [{ kind: KIND.head, payload: Buffer.from(JSON.stringify([...this.#streams.values()])) }];
  }

  replay({ kind, payload, sequence }: LogRecord): void {
    if (kind === KIND.head) {
      this.#streams.clear();
      for (const stream of JSON.parse(payload.toString()) as Stream[]) this.#streams.set(stream.name, stream);
    } else if (kind === KIND.change) {
      const stream = JSON.parse(payload.toString()) as Stream;
      this.#streams.set(stream.name, stream);
    } else if (kind === KIND.schema) {
      this.#schemas.set(payload.subarray(0, 20).toString(), Uint8Array.from(payload.subarray(20)));
    } else if (kind === KIND.append) this.#replayAppend(payload, sequence);
  }

  #replayAppend(payload: Buffer, sequence: number): void {
    const record = readAppend(payload);
    const stream = record.stream === '' ? undefined : this.#streams.get(record.stream);
    if (stream) stream.next = record.offset + record.rows.length;
    const table = this.#store.catalog.byId(record.table);
    const schema = this.#schemas.get(record.schema);
    if (!table || !schema || (stream?.committed !== undefined && stream.type === 'PENDING')) return;
    const target = stream?.staging === undefined ? this.#store.target(table) : this.#stagingTarget(table, stream.staging);
    if (!this.#store.ingest.awaits(target.id, sequence)) return;
    const decode = this.decoder(table, { hash: record.schema, bytes: schema });
    this.#store.ingest.replay(target, this.#shaped(table, stream, record.offset, record.rows.map(decode)), sequence);
  }

  async recovered(): Promise<void> {
    for (const [name, { flushed, committed }] of this.#flushedOnDisk) {
      const stream = this.#streams.get(name);
      if (!stream) continue;
      stream.flushed = Math.max(stream.flushed, flushed);
      if (committed > 0) {
        stream.committed = committed;
        stream.finalized = true;
        stream.closed ??= committed;
        if (stream.staging !== undefined) this.#store.ingest.forget(stream.staging);
      }
    }
    const wanted = new Set([...this.#streams.values()].map((stream) => stream.staging));
    await this.#store.database.use(async (connection) => {
      const present = await connection.rows("SELECT table_name FROM duckdb_tables() WHERE table_name SIMILAR TO 'w[0-9]+'");
      for (const [name] of present) if (!wanted.has(Number(String(name).slice(1)))) await connection.run(`DROP TABLE "${name}"`);
    });
  }

  decoder(table: TableRecord, schema: Schema): RowDecoder {
    let decoders = this.#decoders.get(table);
    if (!decoders) {
      decoders = new Map();
      this.#decoders.set(table, decoders);
    }
    let decode = decoders.get(schema.hash);
    if (!decode) {
      decode = rowDecoder(table.columns, readDescriptor(schema.bytes));
      decoders.set(schema.hash, decode);
    }
    return decode;
  }

  stream(name: string, table: TableRecord | undefined): Stream {
    const stream = this.#streams.get(name);
    if (!stream || stream.table !== table?.id) throw new StreamRefusal('notFound', 'Requested entity was not found.', name);
    return stream;
  }

  async create(parent: string, table: TableRecord, type: StreamType): Promise<Stream> {
    if (type !== 'COMMITTED' && !this.#store.catalog.idReserved)
      await this.#store.changeMetadata(async () => ({ changes: [], result: undefined }));
    const stream: Stream = {
      name: `${parent}/streams/${Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')}`,
      type,
      table: table.id,
      created: Date.now(),
      ...(type === 'COMMITTED' ? {} : { staging: this.#store.catalog.newTableId() }),
      next: 0,
      finalized: false,
      flushed: 0,
    };
    this.#streams.set(stream.name, stream);
    await this.#write(stream);
    return stream;
  }

  /** `stream` undefined: the table's default stream, which has no offsets. Answers the offset of the first row. */
  append(
    table: TableRecord,
    stream: Stream | undefined,
    expected: number | undefined,
    schema: Schema,
    rows: readonly Uint8Array[],
    decoded: DuckDBValue[][],
  ): { offset: number; durable: Promise<void> } {
    let offset = 0;
    if (stream) {
      if (stream.committed !== undefined) throw new StreamRefusal('committed', 'The stream has already been committed.', stream.name);
      if (stream.finalized) throw new StreamRefusal('finalized', 'Stream has been finalized and cannot be appended.', stream.name);
      if (expected !== undefined && expected < stream.next) {
        throw new StreamRefusal(
          'offsetAlreadyExists',
          `The offset is within stream, expected offset ${stream.next}, received ${expected}.`,
          stream.name,
        );
      }
      if (expected !== undefined && expected > stream.next) {
        throw new StreamRefusal(
          'offsetOutOfRange',
          `The offset is beyond stream, expected offset ${stream.next}, received ${expected}.`,
          stream.name,
        );
      }
      offset = stream.next;
    }
    if (!this.#schemasInSegment.has(schema.hash)) {
      this.#schemasInSegment.add(schema.hash);
      this.#store.log.append(KIND.schema, [Buffer.from(schema.hash), schema.bytes]).durable.catch(() => undefined);
    }
    const target = stream?.staging === undefined ? this.#store.target(table) : this.#stagingTarget(table, stream.staging);
    const shaped = this.#shaped(table, stream, offset, decoded);
    const durable = this.#store.ingest.append(
      target,
      KIND.append,
      appendParts(table.id, stream?.name ?? '', offset, schema.hash, rows),
      shaped,
    );
    if (stream) stream.next = offset + rows.length;
    return { offset, durable };
  }

  async finalize(stream: Stream): Promise<number> {
    if (!stream.finalized) {
      stream.finalized = true;
      stream.closed = Date.now();
    }
    await this.#write(stream);
    return stream.next;
  }

  async flush(table: TableRecord, stream: Stream, offset: number): Promise<void> {
    if (stream.type !== 'BUFFERED') throw new StreamRefusal('wrongType', 'FlushRows is only supported on BUFFERED streams.', stream.name);
    if (offset >= stream.next) {
      throw new StreamRefusal(
        'offsetOutOfRange',
        `The offset is beyond stream, expected offset below ${stream.next}, received ${offset}.`,
        stream.name,
      );
    }
    if (offset < stream.flushed) return;
    await this.#publish(table, [stream], offset + 1, 0);
    stream.flushed = offset + 1;
  }

  /** All or nothing. Answers the time of the commit. */
  async commit(table: TableRecord, streams: readonly Stream[]): Promise<number> {
    for (const stream of streams) {
      if (stream.type !== 'PENDING') throw new StreamRefusal('wrongType', 'Only PENDING streams can be committed.', stream.name);
      if (stream.committed !== undefined) throw new StreamRefusal('committed', 'The stream has already been committed.', stream.name);
      if (!stream.finalized) throw new StreamRefusal('notFinalized', 'The stream has not been finalized.', stream.name);
    }
    const now = Date.now();
    for (const stream of streams) stream.committed = now;
    try {
      await this.#publish(table, streams, Number.MAX_SAFE_INTEGER, now);
    } catch (error) {
      for (const stream of streams) delete stream.committed;
      throw error;
    }
    for (const stream of streams) await this.#write(stream);
    return now;
  }

  /** Moves staged rows below the offset into the table, with the record of it, in one transaction. */
  async #publish(table: TableRecord, streams: readonly Stream[], below: number, committed: number): Promise<void> {
    const store = this.#store;
    for (const stream of streams) await store.ingest.fold(stream.staging!);
    if (store.ingest.has(table.id)) await store.ingest.fold(table.id);
    await store.adding(table, () =>
      store.database.transaction(async (connection) => {
        for (const { name, staging } of streams) {
          const source = stagingName(staging!);
          const [known] = await connection.rows(`SELECT count(*) FROM duckdb_tables() WHERE table_name = 'w${staging}'`);
          if (Number(known![0]) > 0) {
            const columns = [
              ...table.columns.map((column) => quote(column.name)),
              ...(ingestionTime(table.partitioning) ? ['"_PARTITIONTIME"'] : []),
            ].join(', ');
            await connection.run(
              `INSERT INTO "t${table.id}" (${columns}) SELECT ${columns} FROM ${source} WHERE "_offset" < ${below} ORDER BY "_offset"`,
            );
            await connection.run(committed > 0 ? `DROP TABLE ${source}` : `DELETE FROM ${source} WHERE "_offset" < ${below}`);
          }
          await connection.run('INSERT INTO local_stream_flushes VALUES ($1, $2, $3)', [
            { value: name, type: duckType({ kind: 'STRING' }) },
            { value: BigInt(below), type: BIGINT },
            { value: BigInt(committed), type: BIGINT },
          ]);
        }
      }),
    );
    store.changed(table.id);
  }

  #shaped(table: TableRecord, stream: Stream | undefined, offset: number, rows: DuckDBValue[][]): DuckDBValue[][] {
    if (ingestionTime(table.partitioning)) {
      const now = this.#store.ingestionInstant(table);
      for (const row of rows) row.push(now);
    }
    if (stream?.staging !== undefined) for (const [i, row] of rows.entries()) row.push(BigInt(offset + i));
    return rows;
  }

  #stagingTarget(table: TableRecord, staging: number): Target {
    const types: DuckDBType[] = [...this.#store.target(table).types, BIGINT];
    return {
      id: staging,
      physical: stagingName(staging),
      types,
      ensure: async (connection) => {
        await connection.run(
          `CREATE TABLE IF NOT EXISTS ${stagingName(staging)} (${columnsDdl(table.columns, table.partitioning)}, "_offset" BIGINT)`,
        );
        return () => undefined;
      },
    };
  }

  #write(stream: Stream): Promise<void> {
    return this.#store.log.append(KIND.change, [Buffer.from(JSON.stringify(stream))]).durable;
  }
}
