/** The backlog against a plain model: random publishes, takes, acks, nacks and time, and after every step the promises of the header. */
import { describe, expect, test } from '@jest/globals';
import { Backlog } from './backlog.ts';
import type { Consumer, Delivery, Host, Settings } from './delivery.ts';
import { allBits, type Pending } from './segment.ts';

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A PubsubMessage with an ordering key (field 5) or one byte of data (field 1). */
function message(key: string): Buffer {
  return key === '' ? Buffer.from([0x0a, 1, 0]) : Buffer.concat([Buffer.from([0x2a, key.length]), Buffer.from(key)]);
}

class TestConsumer implements Consumer {
  readonly leaseMs = 1000;
  readonly lines = new Set<never>();
  readonly limit: number;
  held = 0;
  constructor(limit: number) {
    this.limit = limit;
  }
  wants(): boolean {
    return this.held < this.limit;
  }
  leased(): void {
    this.held++;
  }
  settled(): void {
    this.held--;
  }
}

class World {
  now = 0;
  seq = 1;
  lease = 1;
  readonly keys = new Map<number, string>();
  readonly acked = new Set<number>();
  readonly dead = new Set<number>();
  readonly leases = new Map<number, Delivery>();
  readonly backlog: Backlog;
  readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
    const host: Host = {
      settings,
      bytesOf: (pending) => pending.segment.bytes!,
      nextLease: () => this.lease++,
      changed: () => {},
      failed: () => {},
      leaseChanged: () => {},
      deadLetter: (delivery) => {
        this.dead.add(delivery.seq);
        return true;
      },
    };
    this.backlog = new Backlog(host);
  }

  publish(keys: readonly string[]): void {
    const bodies = keys.map(message);
    const starts = new Uint32Array(keys.length + 1);
    bodies.forEach((body, i) => {
      starts[i + 1] = starts[i]! + body.length;
    });
    const segment = {
      topicId: 1,
      firstSeq: this.seq,
      count: keys.length,
      publishedMs: this.now,
      starts,
      keyed: keys.some((key) => key !== ''),
      bytes: Buffer.concat(bodies),
      holders: 1,
    };
    for (const key of keys) {
      this.keys.set(this.seq++, key);
    }
    const pending: Pending = { segment, bits: allBits(keys.length), left: keys.length };
    this.backlog.add(pending);
  }

  take(consumer: Consumer, limit: number): Delivery[] {
    const batch = this.backlog.take(consumer, limit, 1e9, this.now);
    for (const delivery of batch) {
      expect(this.leases.has(delivery.seq)).toBe(false);
      this.leases.set(delivery.seq, delivery);
    }
    return batch;
  }

  /** Which leases the model believes alive. */
  settle(): void {
    for (const [seq, delivery] of this.leases) {
      if (delivery.state !== 'leased') {
        this.leases.delete(seq);
      }
    }
  }
}

const CASES: [string, Settings][] = [
  ['plain', { ordered: false, exactlyOnce: false, retry: null, maxAttempts: null }],
  ['plain with back-off', { ordered: false, exactlyOnce: false, retry: { minMs: 50, maxMs: 400 }, maxAttempts: null }],
  ['exactly once', { ordered: false, exactlyOnce: true, retry: null, maxAttempts: null }],
  ['ordered', { ordered: true, exactlyOnce: false, retry: null, maxAttempts: null }],
  ['ordered with back-off', { ordered: true, exactlyOnce: false, retry: { minMs: 50, maxMs: 400 }, maxAttempts: null }],
  ['ordered, exactly once', { ordered: true, exactlyOnce: true, retry: { minMs: 50, maxMs: 400 }, maxAttempts: null }],
  ['dead letters', { ordered: true, exactlyOnce: false, retry: null, maxAttempts: 5 }],
];

describe.each(CASES)('a backlog, %s', (_name, settings) => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('keeps its promises under random use (seed %i)', (seed) => {
    const next = random(seed * 7919);
    const pick = (n: number): number => Math.floor(next() * n);
    const world = new World(settings);
    const consumers = [new TestConsumer(5), new TestConsumer(20), new TestConsumer(3)];
    const past: [number, number][] = [];
    const out = (batch: readonly Delivery[]): void => {
      for (const [i, { seq }] of batch.entries()) {
        const key = world.keys.get(seq)!;
        if (settings.ordered && key !== '') {
          // Of one key only the next one after those out, or an earlier one again, may go out.
          const sameBatch = new Set(batch.slice(i));
          const later = [...world.leases.values()]
            .filter((d) => !sameBatch.has(d) && d.seq > seq && world.keys.get(d.seq) === key)
            .map((d) => d.seq);
          expect(later).toEqual([]);
          const holders = new Set([...world.leases.values()].filter((d) => world.keys.get(d.seq) === key).map((d) => d.consumer));
          expect(holders.size).toBe(1);
          const skipped = [...world.keys].filter(
            ([s, k]) => k === key && s < seq && !world.acked.has(s) && !world.dead.has(s) && world.leases.get(s)?.state !== 'leased',
          );
          expect(skipped).toEqual([]);
        }
        if (!settings.ordered) {
          expect(world.acked.has(seq)).toBe(false);
        }
      }
    };
    for (let step = 0; step < 600; step++) {
      const kind = next();
      const consumer = consumers[pick(3)]!;
      if (kind < 0.15) {
        world.publish(Array.from({ length: 1 + pick(6) }, () => (next() < 0.6 ? `k${pick(3)}` : '')));
      } else if (kind < 0.5) {
        const batch = world.take(consumer, 1 + pick(8));
        out(batch);
        expect(consumer.held).toBeLessThanOrEqual(consumer.limit);
      } else if (kind < 0.85 && world.leases.size > 0) {
        const held = [...world.leases.values()];
        const delivery = held[pick(held.length)]!;
        const { lease, seq } = delivery;
        if (next() < 0.75) {
          if (world.backlog.ack(lease, seq) === 'ok') {
            world.acked.add(seq);
          }
        } else {
          world.backlog.nack(lease, seq, world.now);
        }
        world.settle();
        if (!world.leases.has(seq) && !world.acked.has(seq)) {
          past.push([lease, seq]);
        }
        const [oldLease, oldSeq] = past[pick(past.length)] ?? [lease, seq];
        if (settings.exactlyOnce && past.length > 0) {
          // An ack id dies with its lease, also while a newer lease of the message lives.
          expect(world.backlog.ack(oldLease, oldSeq)).toBe('invalid');
        }
      } else {
        world.now += pick(400);
        world.backlog.tick(world.now);
        world.settle();
      }
      const inHand = consumers.reduce((sum, c) => sum + c.held, 0);
      expect([...world.leases.values()].filter((d) => d.state === 'leased')).toHaveLength(inHand);
    }
    // In the end everything can be delivered and acked, and nothing is left.
    for (let round = 0; round < 2000 && world.backlog.unacked > 0; round++) {
      world.now += 500;
      world.backlog.tick(world.now);
      world.settle();
      for (const consumer of consumers) {
        const batch = world.take(consumer, 100);
        out(batch);
        for (const { lease, seq } of batch) {
          if (world.backlog.ack(lease, seq) === 'ok') {
            world.acked.add(seq);
          }
          world.settle();
        }
      }
    }
    expect(world.backlog.unacked).toBe(0);
    expect(world.backlog.outstanding).toBe(0);
    expect([...world.keys.keys()].filter((seq) => !world.acked.has(seq) && !world.dead.has(seq))).toEqual([]);
    expect(consumers.map((c) => c.held)).toEqual([0, 0, 0]);
  });
});

test('the back-off of a message doubles with each failure up to its maximum, and a deadline missed counts like a nack', () => {
  const world = new World({ ordered: false, exactlyOnce: false, retry: { minMs: 50, maxMs: 400 }, maxAttempts: null });
  const consumer = new TestConsumer(1);
  const take = (): Delivery | undefined => world.backlog.take(consumer, 1, 1e9, world.now)[0];
  world.publish(['']);
  const waits: number[] = [];
  let delivery = take()!;
  for (let failure = 0; failure < 6; failure++) {
    if (failure % 2 === 0) {
      world.backlog.nack(delivery.lease, delivery.seq, world.now);
    } else {
      world.now = delivery.deadline;
      world.backlog.tick(world.now);
    }
    const failed = world.now;
    let next = take();
    for (; next === undefined; next = take()) {
      world.now++;
      world.backlog.tick(world.now);
    }
    delivery = next;
    waits.push(world.now - failed);
  }
  expect(waits).toEqual([50, 100, 200, 400, 400, 400]);
});
