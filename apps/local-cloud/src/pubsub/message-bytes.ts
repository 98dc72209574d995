/**
 * The bytes of a message from the publisher's request to the store: it is never turned into an object on its way. What is stored is the
 * publisher's PubsubMessage with `message_id` and `publish_time` appended, which by the rules of protobuf is the message with these
 * two fields set.
 */
import { cursor, length, skip, text, varint, varintBytes } from './protobuf-bytes.ts';

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
