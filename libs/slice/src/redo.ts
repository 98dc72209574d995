/**
 * The changed rows of a checkpoint as texts: for the journal, and until they are in their table.
 *
 * 1. A warehouse reads a column's values many rows at a time, whichever it wants of them: texts of a few hundred kilobytes made a read of
 * any of them one of all. So a text ends at 16 KB. 2. What waits to be merged is packed: after an outage of the tables it can be hundreds
 * of thousands of rows, of which each weighs kilobytes as an object. 3. What comes out merges as what went in: INT64 and BYTES come out
 * as text, the latter as BASE64.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { CheckpointRow } from '@convergence/ports';

export interface RedoChunk {
  readonly table: string;
  readonly rows: readonly CheckpointRow[];
}
export const REDO = 'redo';
const CHUNK_LENGTH = 16 * 1024;
const PACK_LENGTH = 256 * 1024;
const QUICKLY = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

export function redoChunks(table: string, rows: readonly CheckpointRow[]): string[] {
  const chunks: string[] = [];
  let texts: string[] = [];
  let length = 0;
  const end = () => {
    chunks.push(`{"table":${JSON.stringify(table)},"rows":[${texts.join(',')}]}`);
    texts = [];
    length = 0;
  };
  for (const row of rows) {
    const text = JSON.stringify(row, asText);
    if (texts.length > 0 && length + text.length > CHUNK_LENGTH) end();
    texts.push(text);
    length += text.length;
  }
  if (texts.length > 0) end();
  return chunks;
}

/** Bytes have made themselves a list of numbers before they come here: they are looked up where they lie. */
function asText(this: Record<string, unknown>, name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  const given = this[name];
  return Buffer.isBuffer(given) ? given.toString('base64') : value;
}

/** Rows of one table, of the texts that were made of them. */
export class PackedRows implements Iterable<CheckpointRow> {
  readonly #packs: Buffer[] = [];
  #open: string[] = [];
  #length = 0;
  count = 0;
  /** One of them is dead. */
  dead = false;

  add(rows: readonly CheckpointRow[], chunks: readonly string[]): void {
    this.count += rows.length;
    this.dead ||= rows.some((row) => row.row === null);
    for (const chunk of chunks) {
      this.#open.push(chunk);
      this.#length += chunk.length;
      if (this.#length < PACK_LENGTH) continue;
      this.#packs.push(zstdCompressSync(this.#open.join(BETWEEN), QUICKLY));
      this.#open = [];
      this.#length = 0;
    }
  }

  *[Symbol.iterator](): Generator<CheckpointRow> {
    for (const pack of this.#packs) yield* rowsOf(zstdDecompressSync(pack).toString().split(BETWEEN));
    yield* rowsOf(this.#open);
  }
}
/** No JSON has it. */
const BETWEEN = '\n';

function* rowsOf(chunks: readonly string[]): Generator<CheckpointRow> {
  for (const chunk of chunks) yield* (JSON.parse(chunk) as RedoChunk).rows;
}
