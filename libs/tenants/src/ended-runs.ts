/**
 * Runs that ended: memory holds them until their rows are written, and some minutes more. Where no checkpoint came for long they are
 * hundreds of thousands, so they lie packed, many together: some 60 bytes each besides the id. As objects they were 700, and each a dozen
 * things for the collector to look at.
 *
 * 1. What comes out is what went in; it is a copy. 2. They leave oldest first, and none before its row is written. 3. Rows are asked for in
 * about the order in which runs ended: the packs that were opened last stay open.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** JSON, too. */
interface Ended {
  readonly run: { readonly run_id: string };
  readonly ended_at: string | null;
}
const PACK = 1024;
const OPEN = 8;
const QUICKLY = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

interface Pack {
  readonly ids: string[];
  readonly endedAt: number[];
  readonly written: boolean[];
  /** JSON of each, a line; undefined until it is full: then they lie in `filling`. */
  packed: Buffer | undefined;
  /** So many, the oldest, were forgotten. */
  gone: number;
}
interface Place {
  readonly pack: Pack;
  readonly index: number;
}

export class EndedRuns<R extends Ended> {
  /** Pack number and place in it, as one number: an object for each would weigh as much as the run. */
  readonly #places = new Map<string, number>();
  #packs: Pack[] = [];
  /** Number of the first pack. */
  #first = 0;
  /** Least recently used first. */
  readonly #open = new Map<Pack, readonly string[]>();
  /** Of the newest pack. */
  readonly #filling = new Lines();

  get size(): number {
    return this.#places.size;
  }

  add(run: R, written = false): void {
    const id = run.run.run_id;
    let pack = this.#packs.at(-1);
    if (!pack || pack.packed) {
      pack = { ids: [], endedAt: [], written: [], packed: undefined, gone: 0 };
      this.#packs.push(pack);
    }
    this.#places.set(id, (this.#first + this.#packs.length - 1) * PACK + pack.ids.length);
    pack.ids.push(id);
    pack.endedAt.push(Date.parse(run.ended_at ?? ''));
    pack.written.push(written);
    this.#filling.add(JSON.stringify(run));
    if (pack.ids.length < PACK) return;
    pack.packed = zstdCompressSync(this.#filling.bytes, QUICKLY);
    this.#filling.clear();
  }

  get(runId: string): R | undefined {
    const place = this.#place(runId);
    return place && (JSON.parse(this.#text(place)) as R);
  }

  has(runId: string): boolean {
    return this.#places.has(runId);
  }

  /** Its end is in the table. */
  noteWritten(runId: string): void {
    const place = this.#place(runId);
    if (place) place.pack.written[place.index] = true;
  }

  /** Those that ended before that time. */
  forget(before: number): void {
    for (let pack = this.#packs[0]; pack; pack = this.#packs[0]) {
      while (pack.gone < pack.ids.length && pack.written[pack.gone] && pack.endedAt[pack.gone]! <= before) {
        this.#places.delete(pack.ids[pack.gone]!);
        pack.gone += 1;
      }
      if (pack.gone < PACK) return;
      this.#packs.shift();
      this.#first += 1;
      this.#open.delete(pack);
    }
  }

  #place(runId: string): Place | undefined {
    const place = this.#places.get(runId);
    if (place === undefined) return undefined;
    const pack = this.#packs[Math.floor(place / PACK) - this.#first];
    return pack && { pack, index: place % PACK };
  }

  #text({ pack, index }: Place): string {
    if (!pack.packed) return this.#filling.line(index);
    const texts = this.#open.get(pack) ?? zstdDecompressSync(pack.packed).toString().split('\n');
    this.#open.delete(pack);
    this.#open.set(pack, texts);
    if (this.#open.size > OPEN) this.#open.delete(this.#open.keys().next().value!);
    return texts[index]!;
  }
}

/** Bytes at once: texts that wait would be moved by each collection of garbage. */
class Lines {
  #bytes = Buffer.allocUnsafe(256 * 1024);
  #ends: number[] = [];

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#ends.at(-1) ?? 0);
  }
  line(index: number): string {
    return this.#bytes.toString('utf8', this.#ends[index - 1] ?? 0, this.#ends[index]! - 1);
  }
  add(text: string): void {
    let at = this.#ends.at(-1) ?? 0;
    const needed = at + 3 * text.length + 1;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * needed);
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    at += this.#bytes.write(text, at);
    this.#bytes[at] = NEW_LINE;
    this.#ends.push(at + 1);
  }
  clear(): void {
    this.#ends = [];
  }
}
const NEW_LINE = 10;
