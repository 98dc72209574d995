/**
 * An append-only file of records, written in groups: the records that arrive while one write is under way share the next. It is what
 * stands between an acknowledged streamed row and its place in DuckDB. Knows nothing of rows.
 *
 * 1. A record's sequence number is larger than that of every record before it, across restarts.
 * 2. `durable` resolves after the record and all before it are written, in order: they outlive this process. The disk has them a moment
 *    later, or when `onDisk` says so; a power cut takes the records of that moment and leaves all before them.
 * 3. A torn tail (the process or the machine died while writing) is cut off at the first record that does not verify.
 * 4. A segment is removed only when every record of it is said to be no longer needed.
 * 5. After a write or a flush to the disk that failed nobody can say what is there: everything is refused from then on.
 */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const HEADER = 17; // length u32, crc u32, sequence u64, kind u8
const SEGMENT_BYTES = 32 * 1024 * 1024;
const MOMENT_MS = 250;

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
  #writing = false;
  #failed: Error | undefined;
  /** The flush to the disk that is under way, and the one that begins after it. */
  #syncing: Promise<void> = Promise.resolve();
  #nextSync: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Last sequence numbers: of what is written, and of what the disk has. */
  #written: number;
  #synced: number;
  #closed: Promise<void> | undefined;

  private constructor(dir: string, segments: number[], next: number, head: () => readonly { kind: number; payload: Buffer }[]) {
    this.#dir = dir;
    this.#segments = segments;
    this.#next = next;
    this.#written = next - 1;
    this.#synced = next - 1;
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
    if (segments.length > 0) fsyncPath(join(dir, nameOf(segments.at(-1)!)));
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
    if (!this.#writing) {
      this.#writing = true;
      setImmediate(() => void this.#write());
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

  async #write(): Promise<void> {
    while (this.#gathered.length > 0) {
      const batch = this.#gathered;
      const size = this.#gatheredSize;
      const waiting = this.#waiting;
      const last = this.#next - 1;
      this.#gathered = [];
      this.#gatheredSize = 0;
      this.#waiting = [];
      // Taken in the same instant as the batch: the head says what holds after the batch and before what comes later.
      const head = this.#bytes + size > SEGMENT_BYTES ? this.#headRecords() : undefined;
      try {
        if (this.#failed) throw this.#failed;
        const { bytesWritten } = await this.#file!.write(batch.length === 1 ? batch[0]! : Buffer.concat(batch, size));
        // A disk that is nearly full takes what fits, and says no only to the next write.
        if (bytesWritten < size) throw new Error(`${bytesWritten} of ${size} bytes were written`);
        this.#bytes += size;
        this.#written = last;
        for (const { resolve } of waiting) resolve();
        if (head) await this.#startSegment(head);
        // Who asks next is told of a failure; a segment that began has brought all to the disk.
        if (this.#written > this.#synced)
          this.#timer ??= setTimeout(() => void this.onDisk(this.#written).catch(() => undefined), MOMENT_MS);
      } catch (error) {
        this.#fail(error);
        for (const { reject } of [...waiting, ...this.#waiting]) reject(this.#failed);
        this.#waiting = [];
        this.#gathered = [];
      }
    }
    this.#writing = false;
  }

  /** Resolves when the disk has this record, which is written, and all before it. Who asks while a flush is under way shares the next. */
  onDisk(sequence: number): Promise<void> {
    if (sequence <= this.#synced) return Promise.resolve();
    this.#nextSync ??= this.#syncing.then(() => {
      this.#syncing = this.#nextSync!;
      this.#nextSync = undefined;
      return this.#sync();
    });
    return this.#nextSync;
  }

  async #sync(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#failed) throw this.#failed;
    const written = this.#written;
    try {
      await this.#file!.datasync();
      this.#synced = written;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(cause: unknown): Error {
    this.#failed ??= new Error('the write log failed', { cause });
    return this.#failed;
  }

  #headRecords(): { first: number; bytes: Buffer } {
    const first = this.#next;
    return { first, bytes: Buffer.concat(this.#head().map(({ kind, payload }) => this.#record(kind, [payload]).record)) };
  }

  /** The segment before it is on the disk and nothing is written meanwhile. */
  async #startSegment(head: { first: number; bytes: Buffer }): Promise<void> {
    const before = this.#file;
    if (before) await this.onDisk(this.#written);
    const file = await open(join(this.#dir, nameOf(head.first)), 'a');
    await file.write(head.bytes);
    await file.datasync();
    this.#file = file;
    await before?.close();
    this.#bytes = head.bytes.length;
    if (this.#segments.at(-1) !== head.first) this.#segments.push(head.first);
    fsyncPath(this.#dir);
  }

  /** Removes the segments whose records all come before `sequence`. */
  release(sequence: number): void {
    while (this.#segments.length > 1 && this.#segments[1]! <= sequence) {
      rmSync(join(this.#dir, nameOf(this.#segments.shift()!)), { force: true });
    }
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      while (this.#writing) await new Promise((resolve) => setImmediate(resolve));
      await this.onDisk(this.#written).finally(() => this.#file?.close());
    })();
    return this.#closed;
  }
}

function fsyncPath(path: string): void {
  const opened = openSync(path, 'r');
  fsyncSync(opened);
  closeSync(opened);
}
