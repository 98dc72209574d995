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

import type { Consumer, Delivery, Host, Line, Outcome } from './delivery.ts';
import { FreshMessages } from './fresh-messages.ts';
import { orderingKeyOf } from './message-bytes.ts';
import { OrderingLines } from './ordering-lines.ts';
import { ReadyHeap } from './ready-heap.ts';
import { clearBit, hasBit, type Pending } from './segment.ts';

const REMEMBERED_ACKS = 50_000;

export class Backlog {
  readonly #host: Host;
  readonly #bySeq = new Map<number, Delivery>();
  readonly #lines = new OrderingLines();
  readonly #due = new ReadyHeap<Delivery | Line>();
  /** Failures of messages that are not in hand, known from before the last start. */
  readonly #failures: Map<number, number>;
  #pendings = new Map<number, Pending>();
  readonly #fresh = new FreshMessages();
  #ready: Delivery[] = [];
  #readyAt = 0;
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
    this.#fresh.add(pending);
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
          this.#lines.restore(line, delivery);
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
    this.#lines.serve(consumer, room, lease);
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
        this.#lines.enlist(item);
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
    this.#due.clear();
    this.#failures.clear();
    this.#acked.clear();
    this.#ready = [];
    this.#readyAt = 0;
    this.#pendings = new Map(pendings.map((pending) => [pending.segment.firstSeq, pending]));
    this.#fresh.replace(pendings);
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
    while (!this.#lines.full && this.#fresh.advance()) {
      const pending = this.#fresh.pending!;
      const { index } = this.#fresh;
      if (this.#bySeq.has(pending.segment.firstSeq + index)) {
        continue;
      }
      const delivery = this.#deliveryOf(pending, index);
      if (delivery.line === null || this.#lines.admit(delivery.line, delivery, consumer)) {
        return delivery;
      }
    }
    return undefined;
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
      line: key === '' ? null : this.#lines.of(key),
      state: 'waiting',
      lease: 0,
      deadline: 0,
      failures: this.#failures.get(seq) ?? 0,
      consumer: null,
    };
    this.#bySeq.set(seq, delivery);
    return delivery;
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
    this.#lines.rewind(line, delivery, (entry) => this.#unlease(entry));
    if (waitMs > 0 && !line.blocked) {
      line.blocked = true;
      this.#due.push(now + waitMs, line);
    }
    this.#lines.enlist(line);
  }

  /** Acked, dead-lettered or given up. */
  #gone(delivery: Delivery): void {
    this.#unlease(delivery);
    const { line } = delivery;
    if (line === null) {
      this.#release(delivery);
      return;
    }
    this.#lines.leave(line, delivery, (entry) => this.#release(entry));
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
