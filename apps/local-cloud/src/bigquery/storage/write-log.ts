/**
 * An append-only file of records, made durable in groups: the records that arrive while one flush is under way share
 * the next. It is what stands between an acknowledged streamed row and its place in DuckDB. Knows nothing of rows.
 *
 * 1. A record's sequence number is larger than that of every record before it, across restarts.
 * 2. `durable` resolves after the record and all before it are on disk, in order.
 * 3. A torn tail (the process or the machine died while writing) is cut off at the first record that does not verify;
 *    nothing of it was ever acknowledged.
 * 4. A segment is removed only when every record of it is said to be no longer needed.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const HEADER = 17; // length u32, crc u32, sequence u64, kind u8
const SEGMENT_BYTES = 32 * 1024 * 1024;

export interface LogRecord {
  readonly sequence: number;
  readonly kind: number;
  readonly payload: Buffer;
}

const nameOf = (first: number) => `${String(first).padStart(16, '0')}.log`;

export class WriteLog {
  readonly #dir: string;
  /** First sequence number of each segment, ascending; the last one is being written. */
  readonly #segments: number[];
  /** Written at the head of each new segment, so that older segments need not be kept for their state. */
  readonly #head: () => readonly { kind: number; payload: Buffer }[];
  #file: FileHandle | undefined;
  #bytes = 0;
  #next: number;
  #gathered: Buffer[] = [];
  #gatheredSize = 0;
  #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #flushing = false;
  #failed: Error | undefined;
  #closed: Promise<void> | undefined;

  private constructor(dir: string, segments: number[], next: number, head: () => readonly { kind: number; payload: Buffer }[]) {
    this.#dir = dir;
    this.#segments = segments;
    this.#next = next;
    this.#head = head;
  }

  /** Replays what is there into `replay`, then starts a new segment with `head()`. */
  static async open(
    dir: string,
    replay: (record: LogRecord) => void,
    head: () => readonly { kind: number; payload: Buffer }[],
  ): Promise<WriteLog> {
    await mkdir(dir, { recursive: true });
    const segments = readdirSync(dir)
      .filter((name) => name.endsWith('.log'))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
    let next = 1;
    for (const first of segments) {
      next = Math.max(next, first);
      const file = join(dir, nameOf(first));
      const bytes = readFileSync(file);
      let at = 0;
      while (at + HEADER <= bytes.length) {
        const length = bytes.readUInt32LE(at);
        const end = at + HEADER + length;
        if (end > bytes.length || crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) break;
        const sequence = Number(bytes.readBigUInt64LE(at + 8));
        replay({ sequence, kind: bytes.readUInt8(at + 16), payload: bytes.subarray(at + HEADER, end) });
        next = sequence + 1;
        at = end;
      }
      if (at < bytes.length) truncateSync(file, at);
    }
    const log = new WriteLog(dir, segments, next, head);
    await log.#startSegment(log.#headRecords());
    return log;
  }

  get nextSequence(): number {
    return this.#next;
  }

  append(kind: number, parts: readonly Uint8Array[]): { sequence: number; durable: Promise<void> } {
    if (this.#failed) throw this.#failed;
    const { sequence, record } = this.#record(kind, parts);
    this.#gathered.push(record);
    this.#gatheredSize += record.length;
    const durable = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => void this.#flush());
    }
    return { sequence, durable };
  }

  #record(kind: number, parts: readonly Uint8Array[]): { sequence: number; record: Buffer } {
    const sequence = this.#next++;
    let length = 0;
    for (const part of parts) length += part.length;
    const record = Buffer.allocUnsafe(HEADER + length);
    record.writeUInt32LE(length, 0);
    record.writeBigUInt64LE(BigInt(sequence), 8);
    record.writeUInt8(kind, 16);
    let at = HEADER;
    for (const part of parts) {
      record.set(part, at);
      at += part.length;
    }
    record.writeUInt32LE(crc32(record.subarray(8)), 4);
    return { sequence, record };
  }

  async #flush(): Promise<void> {
    while (this.#gathered.length > 0) {
      const batch = this.#gathered;
      const size = this.#gatheredSize;
      const waiting = this.#waiting;
      this.#gathered = [];
      this.#gatheredSize = 0;
      this.#waiting = [];
      // Taken in the same instant as the batch: the head says what holds after the batch and before what comes later.
      const head = this.#bytes + size > SEGMENT_BYTES ? this.#headRecords() : undefined;
      try {
        await this.#file!.write(batch.length === 1 ? batch[0]! : Buffer.concat(batch, size));
        await this.#file!.datasync();
        this.#bytes += size;
        for (const { resolve } of waiting) resolve();
        if (head) await this.#startSegment(head);
      } catch (error) {
        // After a failed flush nobody can say what is on disk: refuse everything from here on.
        this.#failed = new Error('the write log failed', { cause: error });
        for (const { reject } of [...waiting, ...this.#waiting]) reject(this.#failed);
        this.#waiting = [];
        this.#gathered = [];
      }
    }
    this.#flushing = false;
  }

  #headRecords(): { first: number; bytes: Buffer } {
    const first = this.#next;
    return { first, bytes: Buffer.concat(this.#head().map(({ kind, payload }) => this.#record(kind, [payload]).record)) };
  }

  async #startSegment(head: { first: number; bytes: Buffer }): Promise<void> {
    await this.#file?.close();
    this.#file = await open(join(this.#dir, nameOf(head.first)), 'a');
    await this.#file.write(head.bytes);
    await this.#file.datasync();
    this.#bytes = head.bytes.length;
    if (this.#segments.at(-1) !== head.first) this.#segments.push(head.first);
    const dir = openSync(this.#dir, 'r');
    fsyncSync(dir);
    closeSync(dir);
  }

  /** Removes the segments whose records all come before `sequence`. */
  release(sequence: number): void {
    while (this.#segments.length > 1 && this.#segments[1]! <= sequence) {
      rmSync(join(this.#dir, nameOf(this.#segments.shift()!)), { force: true });
    }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      while (this.#flushing) await new Promise((resolve) => setImmediate(resolve));
      await this.#file?.close();
    })();
    return this.#closed;
  }
}
