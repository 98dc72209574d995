/**
 * Topics, subscriptions and the tick that makes their changes durable. Knows time only through `now`, the wire not at all.
 *
 * 1. One tick commits everything that gathered since the last one in one transaction; only then are publishers and ackers answered
 *    and messages handed to consumers (natural group commit: under load a tick carries thousands of messages).
 * 2. What is in memory and what the last commit wrote differ only by what the next tick will write; a commit that fails ends the process.
 */
import { Archive, retained } from './archive.ts';
import { Backlog } from './backlog.ts';
import { deadLetter } from './dead-letter.ts';
import type { Delivery } from './delivery.ts';
import { hand } from './hand.ts';
import { attributesOf, type Published, publishResponse, timeSuffix } from './message-bytes.ts';
import { notFound } from './names.ts';
import { buildSegment, type Publication, parts } from './publication.ts';
import { derive, millis, type Snapshot, type Subscription, type SubscriptionConfig, type Topic, type TopicConfig } from './resources.ts';
import { allBits, clearBit, countBits, type Pending, type Segment } from './segment.ts';
import type { Store, StoredSubscription } from './store.ts';
import { Unwritten } from './unwritten.ts';

export class Broker {
  readonly topics = new Map<string, Topic>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly store: Store;
  readonly archive: Archive;
  readonly now: () => number;
  readonly #fatal: (error: unknown) => void;
  #seq: number;
  #lease: number;
  #publications: Publication[] = [];
  #answers: (() => void)[] = [];
  readonly #unwritten = new Unwritten();
  #scheduled = false;

  constructor(options: { readonly store: Store; readonly now: () => number; readonly fatal: (error: unknown) => void }) {
    this.store = options.store;
    this.now = options.now;
    this.#fatal = options.fatal;
    this.archive = new Archive(this.store);
    this.#seq = this.store.nextSeq();
    this.#lease = this.store.nextEpoch() * 2 ** 32;
  }

  get nextSeq(): number {
    return this.#seq;
  }

  topic(name: string): Topic {
    const topic = this.topics.get(name);
    if (topic === undefined) {
      throw notFound(name);
    }
    return topic;
  }

  subscription(name: string): Subscription {
    const subscription = this.subscriptions.get(name);
    if (subscription === undefined) {
      throw notFound(name);
    }
    return subscription;
  }

  /** Resolves with the encoded response when the messages are on disk. */
  publish(topic: Topic, messages: readonly Published[]): Promise<Buffer> {
    const bytes = messages.reduce((sum, message) => sum + message.end - message.start, 0);
    return new Promise((done) => {
      this.#publications.push({ topic, messages, bytes, done });
      this.wake();
    });
  }

  /** Resolves when everything done so far is on disk. */
  durable(): Promise<void> {
    return new Promise((done) => {
      this.#answers.push(done);
      this.wake();
    });
  }

  /** Schedules a tick after the input that is already here. */
  wake(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.tick();
      });
    }
  }

  /** Asks for `subscription` to be served in the next tick. */
  serve(subscription: Subscription): void {
    subscription.hungry = true;
    this.wake();
  }

  tick(): void {
    try {
      this.#commit();
      /** Exactly-once: a lease is on disk before its message goes out, so that a restart knows of it. */
      const held: (() => void)[] = [];
      for (const subscription of this.subscriptions.values()) {
        if (subscription.hungry) {
          subscription.hungry = false;
          hand(subscription, this.now(), held);
        }
      }
      if (held.length > 0) {
        this.#commit();
        for (const deliver of held) {
          deliver();
        }
      }
    } catch (error) {
      this.#fatal(error);
    }
  }

  /** Time has passed: leases and back-offs end. */
  pass(): void {
    for (const subscription of this.subscriptions.values()) {
      this.expireLeases(subscription);
    }
  }

  /** Ends the leases of one subscription that are over at this very moment, so that a late ack is judged right. */
  expireLeases(subscription: Subscription): void {
    const now = this.now();
    if (subscription.backlog.nextDue <= now && subscription.backlog.tick(now)) {
      this.serve(subscription);
    }
  }

  /** Commits what has gathered, then runs `work` in a transaction of its own: for changes of topics and subscriptions. */
  change<T>(work: () => T): T {
    this.#commit();
    const result = this.store.transaction(work);
    this.wake();
    return result;
  }

  addTopic(id: number, config: TopicConfig): Topic {
    const topic: Topic = {
      id,
      config,
      deleted: false,
      retentionMs: millis(config.messageRetentionDuration, 0),
      segments: new Map(),
      subscriptions: new Set(),
      snapshots: new Set(),
    };
    this.archive.topics.set(id, topic);
    this.topics.set(config.name, topic);
    return topic;
  }

  addSubscription(stored: Omit<StoredSubscription, 'topicId'>, topic: Topic, failures?: Map<number, number>): Subscription {
    const backlog = new Backlog(
      {
        get settings() {
          return subscription.settings;
        },
        bytesOf: (pending) => this.archive.bytesOf(pending.segment),
        nextLease: () => ++this.#lease,
        changed: (pending) => {
          this.#unwritten.pending(pending, subscription);
          if (pending.left === 0) {
            this.archive.release(pending.segment);
          }
          this.wake();
        },
        failed: (delivery) => {
          this.#unwritten.failure(delivery, subscription);
          this.wake();
        },
        leaseChanged: (delivery) => {
          this.#unwritten.lease(delivery, subscription);
          this.wake();
        },
        deadLetter: (delivery) => this.#deadLetter(subscription, delivery),
      },
      failures,
    );
    const { id, createdSeq, config } = stored;
    const subscription: Subscription = {
      id,
      topic,
      createdSeq,
      config,
      ...derive(config),
      backlog,
      receivers: new Set(),
      hungry: false,
    };
    topic.subscriptions.add(subscription);
    this.subscriptions.set(config.name, subscription);
    return subscription;
  }

  reconfigure(subscription: Subscription, config: SubscriptionConfig): void {
    subscription.config = config;
    Object.assign(subscription, derive(config));
  }

  /** The messages of a segment that a subscription must see: all, or those its filter lets through. */
  bitsFor(subscription: Subscription, segment: Segment): Uint8Array {
    const bits = allBits(segment.count);
    if (subscription.filter !== null) {
      const bytes = this.archive.bytesOf(segment);
      for (let i = 0; i < segment.count; i++) {
        if (!subscription.filter(attributesOf(bytes, segment.starts[i]!, segment.starts[i + 1]!))) {
          clearBit(bits, i);
        }
      }
    }
    return bits;
  }

  #commit(): void {
    const publications = this.#publications;
    const answers = this.#answers;
    this.#publications = [];
    this.#answers = [];
    if (publications.length > 0 || !this.#unwritten.empty || this.archive.hasUnneeded) {
      this.store.transaction(() => {
        if (publications.length > 0) {
          this.#writePublications(publications, answers);
        }
        this.#unwritten.write(this.store);
        this.archive.deleteUnneeded(this.now());
      });
      this.#unwritten.written();
    }
    for (const answer of answers) {
      answer();
    }
  }

  /** Publications of one topic that arrived together share segments, whoever sent them. */
  #writePublications(publications: readonly Publication[], answers: (() => void)[]): void {
    const publishedMs = Math.floor(this.now());
    const suffix = timeSuffix(publishedMs);
    for (const [topic, list] of Map.groupBy(publications, (publication) => publication.topic)) {
      for (const part of parts(list)) {
        const segment = buildSegment(topic.id, part, this.#seq, publishedMs, suffix);
        this.#distribute(topic, segment);
        for (const { messages, done } of part) {
          const first = this.#seq;
          this.#seq += messages.length;
          answers.push(() => done(publishResponse(first, messages.length)));
        }
      }
    }
    this.store.putNextSeq(this.#seq);
  }

  #distribute(topic: Topic, segment: Segment): void {
    for (const subscription of topic.subscriptions) {
      const bits = this.bitsFor(subscription, segment);
      const left = subscription.filter === null ? segment.count : countBits(bits);
      if (left > 0) {
        const pending: Pending = { segment, bits, left };
        segment.holders++;
        this.store.putPending(subscription.id, pending);
        subscription.backlog.add(pending);
        subscription.hungry = true;
      }
    }
    if (segment.holders > 0 || retained(topic, segment, segment.publishedMs)) {
      this.store.putSegment(segment, segment.bytes!);
      this.archive.add(segment);
    }
  }

  /** The message leaves the backlog and enters the dead-letter topic in one transaction. */
  #deadLetter(subscription: Subscription, delivery: Delivery): boolean {
    const target = this.topics.get(subscription.deadLetterTopic ?? '');
    if (target === undefined) {
      return false;
    }
    const message = deadLetter(subscription.config.name, delivery, this.archive.bytesOf(delivery.pending.segment));
    void this.publish(target, [message]);
    return true;
  }
}
