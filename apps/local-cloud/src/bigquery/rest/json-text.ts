/**
 * Answers that are written as JSON once, rows and the small rest. Long cells become bytes here: JSON.stringify takes twice as long for
 * one, and of its text the bytes that leave have to be made besides.
 *
 * 1. What is written reads as what JSON.stringify writes. 2. Short cells are left to JSON.stringify, which is faster with them.
 */
import type { WireRow } from '../values/to-wire.ts';

/** A body that is JSON already. */
export class JsonText {
  readonly text: string | Buffer;
  constructor(text: string | Buffer) {
    this.text = text;
  }
}

const LONG = 4 * 1024;
const isLong = (value: unknown): value is string => typeof value === 'string' && value.length >= LONG;

/** An object with what `head` has, and the rows. */
export function withRows(head: object, rows: readonly WireRow[]): JsonText {
  const begin = `${JSON.stringify(head).slice(0, -1)},"rows":`;
  if (!rows.some((row) => row.f.some(({ v }) => isLong(v)))) return new JsonText(`${begin}${JSON.stringify(rows)}}`);
  const out = new Bytes();
  let short = begin;
  for (const [i, row] of rows.entries()) {
    short += i === 0 ? '[{"f":[' : ']},{"f":[';
    for (const [j, { v }] of row.f.entries()) {
      short += j === 0 ? '{"v":' : ',{"v":';
      if (isLong(v)) {
        out.add(short);
        out.addQuoted(v);
        short = '}';
      } else short += `${JSON.stringify(v)}}`;
    }
  }
  out.add(`${short}]}]}`);
  return new JsonText(out.all());
}

const BACKSLASH = 0x5c;
const CODE = 0x75;
const ZERO = 0x30;
const HEX = Buffer.from('0123456789abcdef');
/** What follows the backslash that a byte is written with; 0: it is written as it is, as all are of a character beyond ASCII. */
const ESCAPES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = byte < 0x80 ? JSON.stringify(String.fromCharCode(byte)) : '';
  return text.startsWith('"\\') ? text.charCodeAt(2) : 0;
});
const LONGEST = 6;
const PIECE = 64 * 1024;

class Bytes {
  #bytes = Buffer.allocUnsafe(4 * PIECE * LONGEST);
  #length = 0;

  add(text: string): void {
    this.#makeRoom(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  addQuoted(text: string): void {
    const given = Buffer.from(text);
    this.add('"');
    for (let from = 0; from < given.length; from += PIECE) this.#addEscaped(given.subarray(from, from + PIECE));
    this.add('"');
  }

  all(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #addEscaped(given: Buffer): void {
    this.#makeRoom(given.length * LONGEST);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < given.length; i += 1) {
      const byte = given[i]!;
      const letter = ESCAPES[byte]!;
      if (letter === 0) {
        bytes[at++] = byte;
        continue;
      }
      bytes[at++] = BACKSLASH;
      bytes[at++] = letter;
      if (letter !== CODE) continue;
      bytes[at++] = ZERO;
      bytes[at++] = ZERO;
      bytes[at++] = HEX[byte >> 4]!;
      bytes[at++] = HEX[byte & 15]!;
    }
    this.#length = at;
  }

  #makeRoom(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
