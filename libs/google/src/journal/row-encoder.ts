/**
 * Journal rows as protobuf, and the descriptor that says how to read them. Encoded by hand: the generic JSON encoder copies every row
 * deeply first, which costs more than the append itself.
 */
import type { JournalRow } from '@convergence/ports';

const OPTIONAL = 1;
const INT64 = 3;
const STRING = 9;
const COLUMNS = [
  ['sequence', INT64],
  ['epoch', INT64],
  ['at', INT64],
  ['subject', STRING],
  ['type', STRING],
  ['data', STRING],
  ['actor', STRING],
  ['trace_id', STRING],
] as const;

export const ROW_DESCRIPTOR = {
  name: 'JournalRow',
  field: COLUMNS.map(([name, type], i) => ({ name, number: i + 1, type, label: OPTIONAL })),
};

/** Varints of at most 53 bits, and texts: 10 bytes each for tag and length are more than enough. */
const ROOM = COLUMNS.length * 12;

export function encodeRow(row: JournalRow): Buffer {
  const texts = [row.subject, row.type, row.data, row.actor, row.trace_id];
  let size = ROOM;
  for (const text of texts) if (text !== null) size += text.length * 3;
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  const varint = (value: number): void => {
    let rest = value;
    while (rest > 127) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    bytes[at++] = rest;
  };
  for (const [i, value] of [row.sequence, row.epoch, Date.parse(row.at) * 1000].entries()) {
    bytes[at++] = (i + 1) << 3;
    varint(value);
  }
  for (const [i, text] of texts.entries()) {
    if (text === null) continue;
    bytes[at++] = ((i + 4) << 3) | 2;
    varint(Buffer.byteLength(text));
    at += bytes.write(text, at, 'utf8');
  }
  return bytes.subarray(0, at);
}
