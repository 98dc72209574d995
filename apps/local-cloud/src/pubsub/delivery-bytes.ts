/** The bytes between the server and a subscriber: messages on their way out, ack ids on their way back. */
import { cursor, length, putVarint, skip, text, varint, varintSize } from './protobuf-bytes.ts';

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
