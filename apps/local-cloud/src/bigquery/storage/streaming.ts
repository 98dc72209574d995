/**
 * insertAll: rows as JSON, straight into the write log, visible at once.
 *
 * 1. A row whose insertId was seen for the table within the last minute is dropped without a word.
 * 2. A table remembers for 30 minutes that it took rows this way (its "streaming buffer"); DML on it is refused
 *    meanwhile when limits are on.
 */
import type { DuckDBValue } from '@duckdb/node-api';
import type { Clock } from '../../control/index.ts';
import type { TableRecord } from '../catalog/catalog.ts';
import { checkColumn, valueFromJson } from '../values/from-json.ts';
import { ingestionTime, type LogKeeper, type Store } from './store.ts';
import type { LogRecord } from './write-log.ts';

const KIND = 16;
const DEDUPE_MS = 60_000;
const BUFFER_MS = 30 * 60_000;
const REMEMBERED_IDS = 200_000;

interface Buffered {
  rows: number;
  bytes: number;
  oldest: number;
  newest: number;
}

export class Streaming implements LogKeeper {
  readonly tables: readonly string[] = [];
  readonly #clock: Clock;
  readonly #insertIds = new Map<string, number>();
  readonly #buffers = new Map<number, Buffered>();
  #store!: Store;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async load(store: Store): Promise<void> {
    this.#store = store;
  }
  head(): { kind: number; payload: Buffer }[] {
    return [];
  }
  replay({ kind, payload, sequence }: LogRecord): void {
    if (kind !== KIND) return;
    const table = this.#store.catalog.byId(payload.readUInt32LE(0));
    if (!table) return;
    const at = Number(payload.readBigUInt64LE(4));
    const target = this.#store.target(table);
    if (!this.#store.ingest.awaits(target.id, sequence)) return;
    const rows = (JSON.parse(payload.toString('utf8', 12)) as Record<string, unknown>[]).map((row) =>
      this.#withPartition(table, rowValues(table, row), at),
    );
    this.#store.ingest.replay(target, rows, sequence);
  }
  async recovered(): Promise<void> {}

  /** Whether the row came before; remembers it. */
  duplicate(table: TableRecord, insertId: string): boolean {
    const now = this.#clock.now();
    const key = `${table.id} ${insertId}`;
    const seen = this.#insertIds.get(key);
    if (seen !== undefined && seen > now - DEDUPE_MS) return true;
    this.#insertIds.set(key, now);
    if (this.#insertIds.size > REMEMBERED_IDS) {
      for (const [old, at] of this.#insertIds) {
        if (at > now - DEDUPE_MS && this.#insertIds.size <= REMEMBERED_IDS) break;
        this.#insertIds.delete(old);
      }
    }
    return false;
  }

  async insert(table: TableRecord, json: readonly Record<string, unknown>[], values: DuckDBValue[][]): Promise<void> {
    if (json.length === 0) return;
    const at = Date.now();
    const body = Buffer.from(JSON.stringify(json));
    const head = Buffer.alloc(12);
    head.writeUInt32LE(table.id, 0);
    head.writeBigUInt64LE(BigInt(at), 4);
    for (const row of values) this.#withPartition(table, row, at);
    await this.#store.ingest.append(this.#store.target(table), KIND, [head, body], values);
    const now = this.#clock.now();
    const buffered = this.#live(table) ?? { rows: 0, bytes: 0, oldest: now, newest: now };
    buffered.rows += json.length;
    buffered.bytes += body.length;
    buffered.newest = now;
    this.#buffers.set(table.id, buffered);
  }

  /** The `streamingBuffer` of the table's resource. */
  buffer(table: TableRecord): Record<string, string> | undefined {
    const buffered = this.#live(table);
    return (
      buffered && {
        estimatedRows: String(buffered.rows),
        estimatedBytes: String(buffered.bytes),
        oldestEntryTime: String(Math.floor(buffered.oldest)),
      }
    );
  }

  holds(table: { id: number }): boolean {
    return this.#live(table) !== undefined;
  }

  #live(table: { id: number }): Buffered | undefined {
    const buffered = this.#buffers.get(table.id);
    if (buffered && buffered.newest < this.#clock.now() - BUFFER_MS) {
      this.#buffers.delete(table.id);
      return undefined;
    }
    return buffered;
  }

  #withPartition(table: TableRecord, row: DuckDBValue[], at: number): DuckDBValue[] {
    if (ingestionTime(table.partitioning)) row.push(this.#store.ingestionInstant(table, new Date(at)));
    return row;
  }
}

/** One row of JSON as the table's columns. Throws a Misfit that names the field. Columns that do not exist must be gone already. */
export function rowValues(table: Pick<TableRecord, 'columns'>, row: Record<string, unknown>): DuckDBValue[] {
  const byName = new Map(Object.keys(row).map((key) => [key.toLowerCase(), row[key]]));
  return table.columns.map((column) => {
    const value = valueFromJson(column.type, byName.get(column.name.toLowerCase()), column.name);
    checkColumn(column, value);
    return value;
  });
}
