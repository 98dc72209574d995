/** How publications become segments: those of one topic that arrived together share one, whoever sent them. Pure. */

import type { Published } from './message-bytes.ts';
import type { Topic } from './resources.ts';
import type { Segment } from './segment.ts';

const SEGMENT_MESSAGES = 1000;
const SEGMENT_BYTES = 256 * 1024;

export interface Publication {
  readonly topic: Topic;
  readonly messages: readonly Published[];
  readonly bytes: number;
  readonly done: (response: Buffer) => void;
}

/** Runs of publications of at most a segment's size each; a single larger one is a run of its own. */
export function* parts(list: readonly Publication[]): Generator<readonly Publication[]> {
  for (let from = 0; from < list.length; ) {
    let to = from;
    let count = 0;
    let bytes = 0;
    do {
      count += list[to]!.messages.length;
      bytes += list[to]!.bytes;
      to++;
    } while (to < list.length && count + list[to]!.messages.length <= SEGMENT_MESSAGES && bytes + list[to]!.bytes <= SEGMENT_BYTES);
    yield list.slice(from, to);
    from = to;
  }
}

/** Copies the messages into one buffer, each with its id and publish time appended. `suffix` is `timeSuffix(publishedMs)`. */
export function buildSegment(
  topicId: number,
  part: readonly Publication[],
  firstSeq: number,
  publishedMs: number,
  suffix: Buffer,
): Segment {
  const count = part.reduce((sum, { messages }) => sum + messages.length, 0);
  const size = part.reduce((sum, publication) => sum + publication.bytes, 0);
  const bytes = Buffer.allocUnsafeSlow(size + count * (suffix.length + 18));
  const starts = new Uint32Array(count + 1);
  let at = 0;
  let index = 0;
  let keyed = false;
  for (const { messages } of part) {
    for (const message of messages) {
      starts[index] = at;
      at += message.bytes.copy(bytes, at, message.start, message.end);
      const id = String(firstSeq + index++);
      bytes[at++] = 0x1a;
      bytes[at++] = id.length;
      at += bytes.write(id, at, 'latin1');
      at += suffix.copy(bytes, at);
      keyed ||= message.orderingKeyBytes > 0;
    }
  }
  starts[count] = at;
  return { topicId, firstSeq, count, publishedMs, starts, keyed, bytes: bytes.subarray(0, at), holders: 0 };
}
