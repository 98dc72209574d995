/**
 * What one subscription still owes its subscribers: which messages are fresh, leased, waiting for redelivery. Pure: time and
 * storage come in from outside; it knows no gRPC and no SQL.
 *
 * 1. A message is in exactly one state: fresh (never handed out since start), leased, waiting, or gone. `bySeq` holds the middle two.
 * 2. While a lease lives no other consumer gets the message.
 * 3. With exactly-once delivery only the newest lease of a message can ack or extend it, and only before its deadline. Without, a late
 *    ack of any lease counts as long as the message is still there.
 * 4. Of one ordering key messages go out in order and to one consumer at a time. A line is a run of delivered entries followed by a run
 *    of waiting ones; when a delivered one fails, it and all after it (acked ones too) wait again.
 * 5. An acked message of a key leaves when all earlier ones of the key have left.
 * 6. With exactly-once delivery leases outlive a restart (`restore`): the message stays with the subscriber that has it.
 * 7. Failures (a nack or a missed deadline of the message itself) are counted, not deliveries: `delivery_attempt` is failures + 1.
 */

import { orderingKeyOf } from './message-bytes.ts';
import { ReadyHeap } from './ready-heap.ts';
import { clearBit, hasBit, type Pending } from './segment.ts';

/** A stream or a single Pull that messages are handed to. */
export interface Consumer {
  readonly leaseMs: number;
  /** Lines with entries waiting for this very consumer. Owned by the backlog. */
  readonly lines: Set<Line>;
  wants(): boolean;
  leased(bytes: number): void;
  settled(bytes: number): void;
}

export interface Delivery {
  readonly pending: Pending;
  readonly index: number;
  readonly seq: number;
  readonly bytes: number;
  readonly line: Line | null;
  state: 'leased' | 'acked' | 'waiting';
  lease: number;
  deadline: number;
  failures: number;
  consumer: Consumer | null;
}

export interface Line {
  readonly key: string;
  readonly entries: Delivery[];
  /** Entries before this index are leased or acked, the others wait. */
  delivered: number;
  /** In back-off. */
  blocked: boolean;
  holder: Consumer | null;
  listedIn: Set<Line> | null;
}

export interface Settings {
  readonly ordered: boolean;
  readonly exactlyOnce: boolean;
  readonly retry: { readonly minMs: number; readonly maxMs: number } | null;
  readonly maxAttempts: number | null;
}

export interface Host {
  settings: Settings;
  bytesOf(pending: Pending): Buffer;
  nextLease(): number;
  /** A bit of it was cleared. */
  changed(pending: Pending): void;
  /** `failures` of an unacked message, to be remembered across restarts. */
  failed(delivery: Delivery): void;
  /** Exactly-once only: its lease began, moved or ended; to be remembered across restarts. */
  leaseChanged(delivery: Delivery): void;
  /** Forwards to the dead-letter topic; false when that is not possible now. */
  deadLetter(delivery: Delivery): boolean;
}

/** `unordered`: with exactly-once delivery and ordering, an earlier message of the key is not acked yet. */
export type Outcome = 'ok' | 'invalid' | 'unordered';

/** Ordered messages put aside for another consumer; beyond this the scan waits for that consumer. */
const MAX_PARKED = 20_000;
const REMEMBERED_ACKS = 50_000;
/** Holds the lines of leases from before a restart: nobody is served from it. */
const BEFORE_RESTART: Consumer = { leaseMs: 0, lines: new Set(), wants: () => false, leased: () => {}, settled: () => {} };

export class Backlog {
  readonly #host: Host;
  readonly #bySeq = new Map<number, Delivery>();
  readonly #lines = new Map<string, Line>();
  readonly #freeLines = new Set<Line>();
  readonly #due = new ReadyHeap<Delivery | Line>();
  /** Failures of messages that are not in hand, known from before the last start. */
  readonly #failures: Map<number, number>;
  #pendings = new Map<number, Pending>();
  #fresh: Pending[] = [];
  #freshAt = 0;
  #freshIndex = 0;
  #ready: Delivery[] = [];
  #readyAt = 0;
  #parked = 0;
  #nextExpiry = Number.POSITIVE_INFINITY;
  #voidBelow = 0;
  /** Exactly-once only: an ack whose answer got lost is asked again and must hear "ok". */
  #acked = new Set<number>();

  constructor(host: Host, failures: Map<number, number> = new Map()) {
    this.#host = host;
    this.#failures = failures;
  }

  get pendings(): ReadonlyMap<number, Pending> {
    return this.#pendings;
  }

  get outstanding(): number {
    return this.#bySeq.size;
  }

  get unacked(): number {
    let count = 0;
    for (const pending of this.#pendings.values()) {
      count += pending.left;
    }
    return count;
  }

  /** When something happens by time alone. */
  get nextDue(): number {
    return Math.min(this.#nextExpiry, this.#due.next);
  }

  add(pending: Pending): void {
    this.#pendings.set(pending.segment.firstSeq, pending);
    this.#fresh.push(pending);
  }

  /** A lease from before a restart, in order of `seq`, after all segments were added. */
  restore(seq: number, lease: number, deadline: number): void {
    for (const pending of this.#pendings.values()) {
      const { segment } = pending;
      const index = seq - segment.firstSeq;
      if (index < 0 || index >= segment.count) {
        continue;
      }
      if (hasBit(pending.bits, index)) {
        const delivery = this.#deliveryOf(pending, index);
        Object.assign(delivery, { state: 'leased', lease, deadline });
        this.#nextExpiry = Math.min(this.#nextExpiry, deadline);
        const { line } = delivery;
        if (line !== null) {
          line.entries.push(delivery);
          line.delivered++;
          line.holder = BEFORE_RESTART;
        }
      }
      return;
    }
  }

  /** Hands out what `consumer` may have now, at most `limit` messages of about `maxBytes`. */
  take(consumer: Consumer, limit: number, maxBytes: number, now: number): Delivery[] {
    const out: Delivery[] = [];
    let bytes = 0;
    const room = (): boolean => out.length < limit && bytes < maxBytes && consumer.wants();
    const lease = (delivery: Delivery): void => {
      this.#lease(delivery, consumer, now);
      out.push(delivery);
      bytes += delivery.bytes;
    };
    for (const lines of [consumer.lines, this.#freeLines]) {
      for (const line of lines) {
        while (line.delivered < line.entries.length && room()) {
          const entry = line.entries[line.delivered++]!;
          line.holder = consumer;
          this.#parked--;
          lease(entry);
        }
        this.#enlist(line);
        if (!room()) {
          return out;
        }
      }
    }
    while (this.#readyAt < this.#ready.length && room()) {
      const delivery = this.#ready[this.#readyAt++]!;
      if (delivery.state === 'waiting' && this.#bySeq.get(delivery.seq) === delivery) {
        lease(delivery);
      }
    }
    if (this.#readyAt > 0 && this.#readyAt === this.#ready.length) {
      this.#ready = [];
      this.#readyAt = 0;
    }
    while (room()) {
      const delivery = this.#nextFresh(consumer);
      if (delivery === undefined) {
        break;
      }
      lease(delivery);
    }
    return out;
  }

  ack(lease: number, seq: number): Outcome {
    const delivery = this.#bySeq.get(seq);
    const { exactlyOnce } = this.#host.settings;
    if (lease < this.#voidBelow) {
      return exactlyOnce ? 'invalid' : 'ok';
    }
    if (exactlyOnce) {
      if (delivery?.lease === lease && delivery.state === 'leased') {
        if (delivery.line !== null && delivery.line.entries[0] !== delivery) {
          return 'unordered';
        }
        this.#acked.add(lease);
        if (this.#acked.size > REMEMBERED_ACKS) {
          this.#acked = new Set([lease]);
        }
        this.#gone(delivery);
        return 'ok';
      }
      return this.#acked.has(lease) ? 'ok' : 'invalid';
    }
    if (delivery !== undefined) {
      if (delivery.line === null || delivery.state !== 'waiting' || delivery.line.entries[0] === delivery) {
        this.#gone(delivery);
      }
      return 'ok';
    }
    this.#ackUndelivered(seq);
    return 'ok';
  }

  /** ModifyAckDeadline with a positive deadline. */
  extend(lease: number, seq: number, deadline: number): Outcome {
    const delivery = this.#bySeq.get(seq);
    if (delivery?.lease === lease && delivery.state === 'leased') {
      delivery.deadline = deadline;
      this.#leaseChanged(delivery);
      this.#nextExpiry = Math.min(this.#nextExpiry, deadline);
      return 'ok';
    }
    return this.#host.settings.exactlyOnce ? 'invalid' : 'ok';
  }

  nack(lease: number, seq: number, now: number): Outcome {
    const delivery = this.#bySeq.get(seq);
    if (delivery?.lease === lease && delivery.state === 'leased') {
      this.#fail(delivery, now);
      return 'ok';
    }
    return this.#host.settings.exactlyOnce ? 'invalid' : 'ok';
  }

  /** Ends leases whose deadline passed and lets redeliveries whose back-off is over go. True when something may be taken now. */
  tick(now: number): boolean {
    let moved = false;
    if (this.#nextExpiry <= now) {
      this.#nextExpiry = Number.POSITIVE_INFINITY;
      const expired: Delivery[] = [];
      for (const delivery of this.#bySeq.values()) {
        if (delivery.state !== 'leased') {
          continue;
        }
        if (delivery.deadline <= now) {
          expired.push(delivery);
        } else {
          this.#nextExpiry = Math.min(this.#nextExpiry, delivery.deadline);
        }
      }
      for (const delivery of expired) {
        if (delivery.state === 'leased') {
          this.#fail(delivery, now);
          moved = true;
        }
      }
    }
    for (let item = this.#due.popDue(now); item !== undefined; item = this.#due.popDue(now)) {
      moved = true;
      if ('entries' in item) {
        item.blocked = false;
        this.#enlist(item);
      } else {
        this.#ready.push(item);
      }
    }
    return moved;
  }

  /** Ends one lease at once (fault injection and deadlines of zero on a stream). */
  expire(delivery: Delivery, now: number): void {
    if (delivery.state === 'leased') {
      this.#fail(delivery, now);
    }
  }

  /** Seek: the backlog is exactly this from now on, and no ack id handed out before counts any more. */
  replace(pendings: readonly Pending[]): void {
    for (const delivery of this.#bySeq.values()) {
      this.#unlease(delivery);
    }
    this.#bySeq.clear();
    this.#lines.clear();
    for (const line of this.#freeLines) {
      line.listedIn = null;
    }
    this.#freeLines.clear();
    this.#due.clear();
    this.#failures.clear();
    this.#acked.clear();
    this.#ready = [];
    this.#readyAt = 0;
    this.#parked = 0;
    this.#pendings = new Map(pendings.map((pending) => [pending.segment.firstSeq, pending]));
    this.#fresh = [...pendings];
    this.#freshAt = 0;
    this.#freshIndex = 0;
    this.#voidBelow = this.#host.nextLease();
  }

  /** Retention: gives up what is left of a segment. */
  drop(pending: Pending): void {
    for (let i = 0; i < pending.segment.count; i++) {
      if (hasBit(pending.bits, i)) {
        const delivery = this.#bySeq.get(pending.segment.firstSeq + i);
        if (delivery === undefined) {
          this.#clear(pending, i);
        } else {
          this.#gone(delivery);
        }
      }
    }
  }

  #nextFresh(consumer: Consumer): Delivery | undefined {
    for (;;) {
      const pending = this.#fresh[this.#freshAt];
      if (pending === undefined || this.#parked >= MAX_PARKED) {
        return undefined;
      }
      const { segment } = pending;
      while (this.#freshIndex < segment.count && pending.left > 0) {
        const index = this.#freshIndex;
        if (!hasBit(pending.bits, index)) {
          this.#freshIndex++;
          continue;
        }
        this.#freshIndex++;
        if (this.#bySeq.has(segment.firstSeq + index)) {
          continue;
        }
        const delivery = this.#deliveryOf(pending, index);
        const { line } = delivery;
        if (line === null) {
          return delivery;
        }
        line.entries.push(delivery);
        if (line.blocked || line.delivered < line.entries.length - 1 || (line.holder !== null && line.holder !== consumer)) {
          this.#parked++;
          this.#enlist(line);
          if (this.#parked >= MAX_PARKED) {
            return undefined;
          }
          continue;
        }
        line.delivered++;
        line.holder = consumer;
        return delivery;
      }
      this.#freshAt++;
      this.#freshIndex = 0;
      if (this.#freshAt > 64 && this.#freshAt * 2 > this.#fresh.length) {
        this.#fresh = this.#fresh.slice(this.#freshAt);
        this.#freshAt = 0;
      }
    }
  }

  #deliveryOf(pending: Pending, index: number): Delivery {
    const { segment } = pending;
    const start = segment.starts[index]!;
    const end = segment.starts[index + 1]!;
    const key = this.#host.settings.ordered && segment.keyed ? orderingKeyOf(this.#host.bytesOf(pending), start, end) : '';
    const seq = segment.firstSeq + index;
    const delivery: Delivery = {
      pending,
      index,
      seq,
      bytes: end - start,
      line: key === '' ? null : this.#lineOf(key),
      state: 'waiting',
      lease: 0,
      deadline: 0,
      failures: this.#failures.get(seq) ?? 0,
      consumer: null,
    };
    this.#bySeq.set(seq, delivery);
    return delivery;
  }

  #lineOf(key: string): Line {
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = { key, entries: [], delivered: 0, blocked: false, holder: null, listedIn: null };
      this.#lines.set(key, line);
    }
    return line;
  }

  /** Puts a line where the consumer that may serve it looks, or nowhere. */
  #enlist(line: Line): void {
    if (line.delivered === 0) {
      line.holder = null;
    }
    const target = line.blocked || line.delivered === line.entries.length ? null : (line.holder?.lines ?? this.#freeLines);
    if (line.listedIn !== target) {
      line.listedIn?.delete(line);
      target?.add(line);
      line.listedIn = target;
    }
    if (line.entries.length === 0) {
      this.#lines.delete(line.key);
    }
  }

  #lease(delivery: Delivery, consumer: Consumer, now: number): void {
    delivery.state = 'leased';
    delivery.lease = this.#host.nextLease();
    delivery.deadline = now + consumer.leaseMs;
    delivery.consumer = consumer;
    this.#nextExpiry = Math.min(this.#nextExpiry, delivery.deadline);
    consumer.leased(delivery.bytes);
    this.#leaseChanged(delivery);
  }

  #unlease(delivery: Delivery): void {
    if (delivery.state === 'leased') {
      delivery.consumer?.settled(delivery.bytes);
      delivery.state = 'waiting';
      this.#leaseChanged(delivery);
    }
    delivery.consumer = null;
  }

  #leaseChanged(delivery: Delivery): void {
    if (this.#host.settings.exactlyOnce) {
      this.#host.leaseChanged(delivery);
    }
  }

  #fail(delivery: Delivery, now: number): void {
    const { retry, maxAttempts } = this.#host.settings;
    this.#unlease(delivery);
    delivery.state = 'waiting';
    delivery.failures++;
    if (maxAttempts !== null) {
      if (delivery.failures >= maxAttempts && this.#host.deadLetter(delivery)) {
        this.#gone(delivery);
        return;
      }
      this.#host.failed(delivery);
    }
    const waitMs = retry === null ? 0 : Math.min(retry.maxMs, retry.minMs * 2 ** Math.min(delivery.failures - 1, 30));
    const { line } = delivery;
    if (line === null) {
      if (waitMs > 0) {
        this.#due.push(now + waitMs, delivery);
      } else {
        this.#ready.push(delivery);
      }
      return;
    }
    const from = line.entries.indexOf(delivery);
    for (let i = from; i < line.delivered; i++) {
      this.#unlease(line.entries[i]!);
      line.entries[i]!.state = 'waiting';
      this.#parked++;
    }
    line.delivered = from;
    if (waitMs > 0 && !line.blocked) {
      line.blocked = true;
      this.#due.push(now + waitMs, line);
    }
    this.#enlist(line);
  }

  /** Acked, dead-lettered or given up. */
  #gone(delivery: Delivery): void {
    this.#unlease(delivery);
    const { line } = delivery;
    if (line === null) {
      this.#release(delivery);
      return;
    }
    const at = line.entries.indexOf(delivery);
    if (at >= line.delivered) {
      // Not delivered at present: nothing before it can hold it back.
      line.entries.splice(at, 1);
      this.#parked--;
      this.#release(delivery);
    } else {
      delivery.state = 'acked';
      while (line.delivered > 0 && line.entries[0]!.state === 'acked') {
        this.#release(line.entries.shift()!);
        line.delivered--;
      }
    }
    this.#enlist(line);
  }

  #release(delivery: Delivery): void {
    delivery.state = 'acked';
    this.#bySeq.delete(delivery.seq);
    this.#failures.delete(delivery.seq);
    this.#clear(delivery.pending, delivery.index);
  }

  #clear(pending: Pending, index: number): void {
    if (hasBit(pending.bits, index)) {
      clearBit(pending.bits, index);
      pending.left--;
      if (pending.left === 0) {
        this.#pendings.delete(pending.segment.firstSeq);
      }
      this.#host.changed(pending);
    }
  }

  /** An ack id from before a restart: the message is known, the lease is not. */
  #ackUndelivered(seq: number): void {
    for (const pending of this.#pendings.values()) {
      if (pending.segment.firstSeq > seq) {
        return;
      }
      const index = seq - pending.segment.firstSeq;
      if (index < pending.segment.count) {
        this.#clear(pending, index);
        return;
      }
    }
  }
}
