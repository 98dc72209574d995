/**
 * The bytes of the hot RPCs, read and written by hand: a message is never turned into an object on its way from publisher to
 * subscriber. What is stored is the publisher's PubsubMessage with `message_id` and `publish_time` appended, which by the rules
 * of protobuf is the message with these two fields set.
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

/** A published message where it lies in the request. */
export interface Published {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly dataBytes: number;
  readonly attributes: number;
  readonly longestKey: number;
  /** An attribute key is empty or reserved. */
  readonly badKey: boolean;
  readonly longestValue: number;
  readonly orderingKeyBytes: number;
}

export function readPublish(bytes: Buffer): { topic: string; messages: Published[] } {
  const c = cursor(bytes);
  const messages: Published[] = [];
  let topic = '';
  while (c.at < c.end) {
    const tag = varint(c);
    if (tag === 10) {
      topic = text(c);
    } else if (tag === 18) {
      const size = length(c);
      messages.push(scanMessage(bytes, c.at, c.at + size));
      c.at += size;
    } else {
      skip(c, tag & 7);
    }
  }
  return { topic, messages };
}

function scanMessage(bytes: Buffer, start: number, end: number): Published {
  const c = cursor(bytes, start, end);
  let dataBytes = 0;
  let attributes = 0;
  let longestKey = 0;
  let badKey = false;
  let longestValue = 0;
  let orderingKeyBytes = 0;
  while (c.at < end) {
    const tag = varint(c);
    if (tag === 10) {
      dataBytes = length(c);
      c.at += dataBytes;
    } else if (tag === 18) {
      attributes++;
      const entryEnd = length(c) + c.at;
      const entry = cursor(bytes, c.at, entryEnd);
      let named = false;
      while (entry.at < entryEnd) {
        const inner = varint(entry);
        if (inner === 10 || inner === 18) {
          const size = length(entry);
          entry.at += size;
          if (inner === 10) {
            named = size > 0;
            badKey ||= bytes.toString('latin1', entry.at - size, Math.min(entry.at, entry.at - size + 4)) === 'goog';
            longestKey = Math.max(longestKey, size);
          } else {
            longestValue = Math.max(longestValue, size);
          }
        } else {
          skip(entry, inner & 7);
        }
      }
      badKey ||= !named;
      c.at = entryEnd;
    } else if (tag === 42) {
      orderingKeyBytes = length(c);
      c.at += orderingKeyBytes;
    } else {
      skip(c, tag & 7);
    }
  }
  return { bytes, start, end, dataBytes, attributes, longestKey, badKey, longestValue, orderingKeyBytes };
}

/** The ordering key of a stored message, '' when it has none. */
export function orderingKeyOf(bytes: Buffer, start: number, end: number): string {
  const c = cursor(bytes, start, end);
  let key = '';
  while (c.at < end) {
    const tag = varint(c);
    if (tag === 42) {
      key = text(c);
    } else {
      skip(c, tag & 7);
    }
  }
  return key;
}

export function attributesOf(bytes: Buffer, start: number, end: number): Map<string, string> {
  const c = cursor(bytes, start, end);
  const attributes = new Map<string, string>();
  while (c.at < end) {
    const tag = varint(c);
    if (tag !== 18) {
      skip(c, tag & 7);
      continue;
    }
    const entryEnd = length(c) + c.at;
    const entry = cursor(bytes, c.at, entryEnd);
    let key = '';
    let value = '';
    while (entry.at < entryEnd) {
      const inner = varint(entry);
      if (inner === 10) {
        key = text(entry);
      } else if (inner === 18) {
        value = text(entry);
      } else {
        skip(entry, inner & 7);
      }
    }
    attributes.set(key, value);
    c.at = entryEnd;
  }
  return attributes;
}

/** `message_id` (3) and `publish_time` (4) as they are appended to a message. */
export function timeSuffix(publishedMs: number): Buffer {
  const seconds = varintBytes(Math.floor(publishedMs / 1000));
  const nanos = varintBytes((publishedMs % 1000) * 1_000_000);
  return Buffer.concat([Buffer.from([0x22, seconds.length + nanos.length + 2, 0x08]), seconds, Buffer.from([0x10]), nanos]);
}

/** An attribute entry (2) as it is appended to a message. */
export function attributeBytes(key: string, value: string): Buffer {
  const k = Buffer.from(key);
  const v = Buffer.from(value);
  const entry = Buffer.concat([Buffer.from([0x0a]), varintBytes(k.length), k, Buffer.from([0x12]), varintBytes(v.length), v]);
  return Buffer.concat([Buffer.from([0x12]), varintBytes(entry.length), entry]);
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

/** PublishResponse: `message_ids` (1), consecutive. */
export function publishResponse(firstSeq: number, count: number): Buffer {
  const ids: string[] = [];
  let size = 0;
  for (let i = 0; i < count; i++) {
    const id = String(firstSeq + i);
    ids.push(id);
    size += id.length + 2;
  }
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (const id of ids) {
    out[at++] = 0x0a;
    out[at++] = id.length;
    at += out.write(id, at, 'latin1');
  }
  return out;
}

/**
 * Ack ids are `<lease>-<seq>` in decimal. AcknowledgeRequest and ModifyAckDeadlineRequest carry thousands of them, so the two
 * numbers are read straight from the bytes.
 */
export interface AckIds {
  subscription: string;
  /** lease, seq, lease, seq, ... */
  readonly pairs: number[];
  deadlineSeconds: number;
}

/** `ackIdTag` is 18 (field 2) in AcknowledgeRequest and 34 (field 4) in ModifyAckDeadlineRequest. */
export function readAckIds(bytes: Buffer, ackIdTag: number): AckIds {
  const c = cursor(bytes);
  const result: AckIds = { subscription: '', pairs: [], deadlineSeconds: 0 };
  while (c.at < c.end) {
    const tag = varint(c);
    if (tag === ackIdTag) {
      const size = length(c);
      pushAckId(result.pairs, bytes, c.at, c.at + size);
      c.at += size;
    } else if (tag === 10) {
      result.subscription = text(c);
    } else if (tag === 24) {
      result.deadlineSeconds = int32(varint(c));
    } else {
      skip(c, tag & 7);
    }
  }
  return result;
}

/** Negative int32 travel as ten-byte varints. */
function int32(value: number): number {
  return value > 0x7fffffff ? -1 : value;
}

export class InvalidAckId extends Error {
  readonly ackId: string;
  constructor(ackId: string) {
    super('invalid ack id');
    this.ackId = ackId;
  }
}

function pushAckId(pairs: number[], bytes: Buffer, start: number, end: number): void {
  let lease = 0;
  let at = start;
  while (at < end && bytes[at] !== 0x2d) {
    const digit = bytes[at++]! - 48;
    lease = digit >= 0 && digit <= 9 ? lease * 10 + digit : Number.NaN;
  }
  at++;
  let seq = at < end ? 0 : Number.NaN;
  while (at < end) {
    const digit = bytes[at++]! - 48;
    seq = digit >= 0 && digit <= 9 ? seq * 10 + digit : Number.NaN;
  }
  if (!Number.isSafeInteger(lease) || !Number.isSafeInteger(seq)) {
    throw new InvalidAckId(bytes.toString('utf8', start, end));
  }
  pairs.push(lease, seq);
}

export function parseAckId(ackId: string): [number, number] {
  const pairs: number[] = [];
  const bytes = Buffer.from(ackId);
  pushAckId(pairs, bytes, 0, bytes.length);
  return [pairs[0]!, pairs[1]!];
}

/** One message on its way out: where its bytes are, its ack id and its delivery attempt (0 without a dead-letter policy). */
export interface Outgoing {
  readonly ackId: string;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly attempt: number;
}

/** StreamingPullResponse or PullResponse: both carry ReceivedMessage in field 1; `tail` is appended as it is. */
export function receivedMessages(messages: readonly Outgoing[], tail: Buffer): Buffer {
  let size = tail.length;
  const inner: number[] = [];
  for (const m of messages) {
    const body = m.end - m.start;
    const n = 2 + m.ackId.length + 1 + varintSize(body) + body + (m.attempt > 0 ? 1 + varintSize(m.attempt) : 0);
    inner.push(n);
    size += 1 + varintSize(n) + n;
  }
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  for (let i = 0; i < messages.length; i++) {
    const m = messages[i]!;
    out[at++] = 0x0a;
    at = putVarint(out, at, inner[i]!);
    out[at++] = 0x0a;
    out[at++] = m.ackId.length;
    at += out.write(m.ackId, at, 'latin1');
    out[at++] = 0x12;
    at = putVarint(out, at, m.end - m.start);
    at += m.bytes.copy(out, at, m.start, m.end);
    if (m.attempt > 0) {
      out[at++] = 0x18;
      at = putVarint(out, at, m.attempt);
    }
  }
  tail.copy(out, at);
  return out;
}
