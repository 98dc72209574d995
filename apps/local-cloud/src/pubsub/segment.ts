/**
 * A run of messages of one topic that were committed together, and what one subscription still has to do in it.
 * The unit of storage: one row for up to a thousand messages keeps the cost of durability per batch, not per message.
 *
 * 1. Sequence numbers grow for ever across topics; a segment holds `firstSeq .. firstSeq + count - 1` without gaps.
 * 2. Bits only go from 1 (to be delivered or acked) to 0, except by Seek, which replaces the whole Pending.
 */
export interface Segment {
  readonly topicId: number;
  readonly firstSeq: number;
  readonly count: number;
  readonly publishedMs: number;
  /** Where message i starts in the bytes; one more than `count` entries. */
  readonly starts: Uint32Array;
  /** Whether any message has an ordering key. */
  readonly keyed: boolean;
  /** In memory while recent; otherwise read again from the store. */
  bytes: Buffer | null;
  /** How many backlogs and snapshots still need it. */
  holders: number;
}

export interface Pending {
  readonly segment: Segment;
  /** Bit i set: message i is not acked. */
  readonly bits: Uint8Array;
  left: number;
}

export function allBits(count: number): Uint8Array {
  const bits = new Uint8Array((count + 7) >> 3).fill(0xff);
  if (count & 7) {
    bits[bits.length - 1] = (1 << (count & 7)) - 1;
  }
  return bits;
}

export function hasBit(bits: Uint8Array, index: number): boolean {
  return (bits[index >> 3]! & (1 << (index & 7))) !== 0;
}

export function clearBit(bits: Uint8Array, index: number): void {
  bits[index >> 3]! &= ~(1 << (index & 7));
}

export function countBits(bits: Uint8Array): number {
  let count = 0;
  for (let byte of bits) {
    for (; byte !== 0; byte &= byte - 1) {
      count++;
    }
  }
  return count;
}
