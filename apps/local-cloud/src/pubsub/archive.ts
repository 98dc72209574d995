/**
 * The messages of all topics: which segments exist, which bytes are in memory, when a segment may go.
 *
 * 1. A segment stays while a backlog or snapshot holds it, while a snapshot is older than it, or while retention of its topic (or of
 *    acked messages) covers it.
 * 2. The bytes of the newest segments are kept in memory up to a fixed size; older ones are read again when asked for.
 */
import type { Topic } from './resources.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';

const CACHE_BYTES = 8 * 1024 * 1024;

export class Archive {
  readonly topics = new Map<number, Topic>();
  readonly #store: Store;
  readonly #unneeded = new Set<Segment>();
  #cached: Segment[] = [];
  #cachedFrom = 0;
  #cachedBytes = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get hasUnneeded(): boolean {
    return this.#unneeded.size > 0;
  }

  /** A segment with its bytes, just written. */
  add(segment: Segment): void {
    this.topics.get(segment.topicId)!.segments.set(segment.firstSeq, segment);
    this.#remember(segment);
  }

  bytesOf(segment: Segment): Buffer {
    if (segment.bytes === null) {
      segment.bytes = this.#store.bytes(segment.firstSeq);
      this.#remember(segment);
    }
    return segment.bytes;
  }

  hold(segment: Segment): void {
    segment.holders++;
    this.#unneeded.delete(segment);
  }

  release(segment: Segment): void {
    segment.holders--;
    if (segment.holders <= 0) {
      this.#unneeded.add(segment);
    }
  }

  /** Finds segments that only retention kept and keeps no longer; oldest first, so it stops at the first that stays. */
  findExpired(now: number): void {
    for (const topic of this.topics.values()) {
      for (const segment of topic.segments.values()) {
        if (segment.holders === 0 && !retained(topic, segment, now)) {
          this.#unneeded.add(segment);
        } else if (retained(topic, segment, now)) {
          break;
        }
      }
    }
  }

  /** Inside a transaction. */
  deleteUnneeded(now: number): void {
    for (const segment of this.#unneeded) {
      const topic = this.topics.get(segment.topicId)!;
      if (segment.holders === 0 && !retained(topic, segment, now)) {
        this.#store.deleteSegment(segment.firstSeq);
        topic.segments.delete(segment.firstSeq);
        this.#forget(segment);
      }
    }
    this.#unneeded.clear();
  }

  #remember(segment: Segment): void {
    this.#cached.push(segment);
    this.#cachedBytes += segment.bytes!.length;
    while (this.#cachedBytes > CACHE_BYTES && this.#cachedFrom < this.#cached.length - 1) {
      this.#forget(this.#cached[this.#cachedFrom++]!);
    }
    if (this.#cachedFrom > 1024) {
      this.#cached = this.#cached.slice(this.#cachedFrom);
      this.#cachedFrom = 0;
    }
  }

  #forget(segment: Segment): void {
    if (segment.bytes !== null) {
      this.#cachedBytes -= segment.bytes.length;
      segment.bytes = null;
    }
  }
}

export function retained(topic: Topic, segment: Segment, now: number): boolean {
  const age = now - segment.publishedMs;
  if (age < topic.retentionMs && !topic.deleted) {
    return true;
  }
  for (const snapshot of topic.snapshots) {
    if (segment.firstSeq >= snapshot.nextSeq) {
      return true;
    }
  }
  for (const subscription of topic.subscriptions) {
    if (subscription.retainAcked && age < subscription.retentionMs) {
      return true;
    }
  }
  return false;
}
