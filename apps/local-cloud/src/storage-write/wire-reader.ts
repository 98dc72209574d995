/** A cursor over protobuf's wire format: just enough to read messages whose shape is known only at run time. Throws RangeError past the end. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#end = bytes.length;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Field number and wire type. */
  tag(): { field: number; wire: number } {
    const tag = Number(this.varint());
    const field = Math.floor(tag / 8);
    if (field < 1 || field > 536870911) throw new RangeError('invalid field number');
    return { field, wire: tag & 7 };
  }

  varint(): bigint {
    let low = 0;
    // Most varints are short: stay with numbers for the first four bytes.
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a varint of more than ten bytes');
  }

  fixed32(): number {
    const at = this.#advance(4);
    return this.#view.getUint32(at, true);
  }
  fixed64(): bigint {
    const at = this.#advance(8);
    return this.#view.getBigUint64(at, true);
  }
  float(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }
  double(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }
  bytes(): Uint8Array {
    const length = Number(this.varint());
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }
  string(): string {
    return text(this.bytes());
  }

  skip(wire: number): void {
    if (wire === 0) this.varint();
    else if (wire === 1) this.#advance(8);
    else if (wire === 2) this.bytes();
    else if (wire === 5) this.#advance(4);
    else throw new RangeError(`wire type ${wire} is not supported`);
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new RangeError('message ends inside a field');
    return this.#bytes[this.#at++]!;
  }
  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new RangeError('message ends inside a field');
    this.#at = at + length;
    return at;
  }
}

export function text(bytes: Uint8Array): string {
  // Short ASCII, the usual case, is quicker by hand than through the decoder.
  if (bytes.length < 24) {
    let out = '';
    for (const byte of bytes) {
      if (byte > 0x7e) return utf8.decode(bytes);
      out += String.fromCharCode(byte);
    }
    return out;
  }
  return utf8.decode(bytes);
}
