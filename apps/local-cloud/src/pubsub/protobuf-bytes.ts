/**
 * Protobuf's wire format, read and written by hand where a message must not cost an object.
 *
 * 1. Truncated or malformed input throws Malformed, never reads past the end.
 */
export class Malformed extends Error {}

export interface Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
}

export function cursor(bytes: Buffer, at = 0, end = bytes.length): Cursor {
  return { bytes, at, end };
}

export function varint(c: Cursor): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (c.at >= c.end) {
      throw new Malformed('truncated varint');
    }
    const byte = c.bytes[c.at++]!;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      return value;
    }
    scale *= 128;
  }
  throw new Malformed('varint too long');
}

/** Length of a length-delimited field, checked against what is left. */
export function length(c: Cursor): number {
  const size = varint(c);
  if (size > c.end - c.at) {
    throw new Malformed('truncated field');
  }
  return size;
}

export function skip(c: Cursor, wireType: number): void {
  if (wireType === 0) {
    varint(c);
  } else if (wireType === 1) {
    c.at += 8;
  } else if (wireType === 2) {
    const size = length(c);
    c.at += size;
  } else if (wireType === 5) {
    c.at += 4;
  } else {
    throw new Malformed('unknown wire type');
  }
  if (c.at > c.end) {
    throw new Malformed('truncated field');
  }
}

export function text(c: Cursor): string {
  const size = length(c);
  const value = c.bytes.toString('utf8', c.at, c.at + size);
  c.at += size;
  return value;
}

export function varintBytes(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Buffer.from(out);
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) {
    size++;
  }
  return size;
}

export function putVarint(out: Buffer, at: number, value: number): number {
  let rest = value;
  let i = at;
  while (rest >= 128) {
    out[i++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  out[i++] = rest;
  return i;
}
