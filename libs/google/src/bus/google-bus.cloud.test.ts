import { randomUUID } from 'node:crypto';
import { RETIRED_SUBSCRIPTIONS, type Topic } from '@convergence/contracts';
import type { IncomingMessage, OutgoingMessage, Settlement } from '@convergence/ports';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { v1 } from '@google-cloud/pubsub';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { grpcOptions, hostsFrom } from '../endpoints.ts';
import { type GoogleBus, googleBus } from './google-bus.ts';
import { subscriptionPath, topicPath } from './resources.ts';

let cloud: LocalCloud;
let bus: GoogleBus;
const problems: unknown[] = [];

beforeAll(async () => {
  cloud = await startLocalCloud();
  bus = googleBus({ project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) }, (fields) => problems.push(fields.cause));
  await bus.provision();
}, 60_000);
afterAll(async () => {
  await bus?.close();
  await cloud?.stop();
}, 30_000);

const message = (topic: Topic, data: object, orderingKey?: string): OutgoingMessage => ({
  topic,
  event: {
    id: randomUUID(),
    type: `convergence.${topic}.v1`,
    source: 'test',
    time: '2026-01-01T00:00:00Z',
    traceparent: '00-ab-cd-01',
    data,
  },
  ...(orderingKey ? { orderingKey } : {}),
});
const done: Settlement = { outcome: 'done' };
const arm = (faults: object) =>
  fetch(`${cloud.env.BIGQUERY_EMULATOR_HOST}/__control/faults`, { method: 'PUT', body: JSON.stringify(faults) });
async function until(truth: () => boolean, what: string, seconds = 10): Promise<void> {
  for (let i = 0; !truth(); i += 1) {
    if (i > seconds * 40) throw new Error(`never: ${what} ${problems.map(String).join()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe('the bus on Pub/Sub', () => {
  test('provisioning again makes nothing', async () => {
    expect(await bus.provision()).toEqual([]);
  });

  test('what is published arrives with its CloudEvents attributes, in batches, and is settled once', async () => {
    const seen: IncomingMessage[] = [];
    const subscriber = bus.subscribe({ subscription: 'queue-tick.scheduler-service', maxMessages: 100, maxBatch: 50 }, async (batch) => {
      seen.push(...batch);
      return batch.map(() => done);
    });
    await bus.publish(Array.from({ length: 30 }, (_, n) => message('queue-tick', { n })));
    await until(() => seen.length === 30, 'all arrive');
    expect(seen[0]!.attributes).toMatchObject({ 'ce-type': 'convergence.queue-tick.v1', 'ce-source': 'test', traceparent: '00-ab-cd-01' });
    expect(new Set(seen.map((m) => JSON.parse(m.body.toString()).n)).size).toBe(30);
    expect(subscriber.healthy).toBe(true);
    await subscriber.stop(5_000);
    expect(seen).toHaveLength(30);
  });

  test('messages of one key arrive in their order', async () => {
    const seen: number[] = [];
    const subscriber = bus.subscribe({ subscription: 'tenant-changed.scheduler-service', maxMessages: 10, maxBatch: 1 }, async (batch) => {
      await new Promise((resolve) => setTimeout(resolve, 5 * Math.random()));
      for (const m of batch) seen.push(JSON.parse(m.body.toString()).n);
      return batch.map(() => done);
    });
    for (let n = 0; n < 40; n += 1) void bus.publish([message('tenant-changed', { n }, 'acme')]);
    await until(() => seen.length === 40, 'all arrive');
    expect(seen).toEqual([...Array(40).keys()]);
    await subscriber.stop(5_000);
  });

  test('news of which many happen at once travels in bundles; the one that can never succeed is kept aside without the others', async () => {
    const seen: IncomingMessage[] = [];
    const subscriber = bus.subscribe({ subscription: 'run-completed.scheduler-service', maxMessages: 100, maxBatch: 50 }, async (batch) => {
      seen.push(...batch);
      return batch.map(({ data }) => ((data as { n: number }).n === 7 ? { outcome: 'quarantine' as const, reason: 'unlucky' } : done));
    });
    await Promise.all(Array.from({ length: 40 }, (_, n) => bus.publish([message('run-completed', { n })])));
    await until(() => seen.length >= 40, 'all arrive');
    expect(seen.map((m) => JSON.parse(m.body.toString()).n)).toEqual([...Array(40).keys()]);
    expect(seen[0]?.attributes).toMatchObject({ 'ce-type': 'convergence.run-completed.v1', traceparent: '00-ab-cd-01' });
    expect(new Set(seen.map((m) => m.messageId)).size).toBe(1);
    let letters = await bus.deadLetters('run-completed', 10);
    for (let i = 0; letters.length === 0 && i < 50; i += 1) letters = await bus.deadLetters('run-completed', 10);
    expect(letters).toMatchObject([{ reason: 'unlucky (run-completed.scheduler-service)', body: '{"n":7}' }]);
    expect(await bus.redrive('run-completed', 10)).toBe(1);
    await until(() => seen.length === 41, 'that one comes again');
    await subscriber.stop(5_000);
    expect(seen).toHaveLength(41);
  });

  test('a subscription that is no longer declared is gone after provisioning', async () => {
    const client = new v1.SubscriberClient(grpcOptions({ project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) }, 'pubsub'));
    const name = subscriptionPath('test-project', RETIRED_SUBSCRIPTIONS[0]);
    await client.createSubscription({ name, topic: topicPath('test-project', 'run-requested') });
    await bus.provision();
    await expect(client.getSubscription({ subscription: name })).rejects.toMatchObject({ code: 5 });
    await client.close();
  });

  test('maxMessages is a limit', async () => {
    let inHand = 0;
    let most = 0;
    let handled = 0;
    const subscriber = bus.subscribe({ subscription: 'run-requested.executor-service', maxMessages: 4, maxBatch: 1 }, async (batch) => {
      inHand += batch.length;
      most = Math.max(most, inHand);
      await new Promise((resolve) => setTimeout(resolve, 20));
      inHand -= batch.length;
      handled += batch.length;
      return batch.map(() => done);
    });
    await bus.publish(Array.from({ length: 40 }, (_, n) => message('run-requested', { n })));
    await until(() => handled === 40, 'all are handled');
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    await subscriber.stop(5_000);
  });

  test('a message whose receipt travels with one that comes too late is handled at once', async () => {
    const seen: number[] = [];
    const subscriber = bus.subscribe(
      { subscription: 'run-requested.executor-service', maxMessages: 10, maxBatch: 1, exactlyOnce: true },
      async (batch) => {
        for (const m of batch) seen.push(JSON.parse(m.body.toString()).n);
        return batch.map(() => done);
      },
    );
    await bus.publish([message('run-requested', { n: 1 })]);
    await until(() => seen.includes(1), 'it listens');
    await arm({ 'pubsub.lease.expire': { times: 1 } });
    await bus.publish([message('run-requested', { n: 2 })]);
    await bus.publish([message('run-requested', { n: 3 })]);
    await until(() => seen.includes(3), 'the one that still has its lease arrives');
    expect(seen).toEqual([1, 3]);
    await subscriber.stop(5_000);
  });

  test.each(['pubsub.extend.late', 'pubsub.ack.late'])('the next message does not wait for an answer that got lost: %s', async (fault) => {
    const seen: string[] = [];
    const subscriber = bus.subscribe(
      { subscription: 'run-requested.executor-service', maxMessages: 1, maxBatch: 1, exactlyOnce: true },
      async (batch) => {
        for (const m of batch) seen.push(JSON.parse(m.body.toString()).n);
        return batch.map(() => done);
      },
    );
    await bus.publish([message('run-requested', { n: `${fault} 0` })]);
    await until(() => seen.includes(`${fault} 0`), 'it listens');
    await arm({ [fault]: { times: 1, delayMs: 600_000 } });
    await bus.publish([1, 2].map((n) => message('run-requested', { n: `${fault} ${n}` })));
    await until(() => seen.includes(`${fault} 2`), 'both arrive', 20);
    await subscriber.stop(5_000);
  });

  test('a quarantined message is kept with its reason, can be looked at twice, and comes again when sent back', async () => {
    let poisoned = true;
    const seen: string[] = [];
    const subscriber = bus.subscribe({ subscription: 'orphan-sweep.tenant-service', maxMessages: 10, maxBatch: 1 }, async (batch) => {
      seen.push(...batch.map((m) => m.body.toString()));
      return batch.map(() => (poisoned ? { outcome: 'quarantine' as const, reason: 'it can never succeed' } : done));
    });
    await bus.publish([message('orphan-sweep', { bad: true })]);
    await until(() => seen.length === 1, 'it arrives');
    let letters = await bus.deadLetters('orphan-sweep', 10);
    for (let i = 0; letters.length === 0 && i < 50; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      letters = await bus.deadLetters('orphan-sweep', 10);
    }
    expect(letters).toMatchObject([
      { topic: 'orphan-sweep', reason: 'it can never succeed (orphan-sweep.tenant-service)', body: '{"bad":true}' },
    ]);
    expect(await bus.deadLetters(undefined, 10)).toHaveLength(1);
    poisoned = false;
    expect(await bus.redrive('orphan-sweep', 10)).toBe(1);
    await until(() => seen.length === 2, 'it comes again');
    expect(await bus.deadLetters('orphan-sweep', 10)).toEqual([]);
    await subscriber.stop(5_000);
  });

  test('stopping waits for what is in hand; a broadcast subscription is gone afterwards', async () => {
    let finished = false;
    let began = false;
    const how = { subscription: 'run-cancelled.executor-service.i1', broadcastOf: 'run-cancelled' as const, maxMessages: 10, maxBatch: 1 };
    const subscriber = bus.subscribe(how, async (batch) => {
      began = true;
      await new Promise((resolve) => setTimeout(resolve, 400));
      finished = true;
      return batch.map(() => done);
    });
    await until(() => subscriber.healthy, 'it listens');
    await bus.publish([message('run-cancelled', {})]);
    await until(() => began, 'it arrives');
    await subscriber.stop(5_000);
    expect(finished).toBe(true);
  });

  test('a broker that is away for long makes publishing fail as Transient; all recover within seconds of its return', async () => {
    const seen: string[] = [];
    const subscriber = bus.subscribe({ subscription: 'schedule-tick.scheduler-service', maxMessages: 10, maxBatch: 10 }, async (batch) => {
      seen.push(...batch.map((m) => m.body.toString()));
      return batch.map(() => done);
    });
    await cloud.kill();
    await expect(bus.publish([message('schedule-tick', { n: 1 })])).rejects.toMatchObject({ name: 'Transient' });
    await expect(bus.check()).rejects.toMatchObject({ name: 'Transient' });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await cloud.start();
    await bus.publish([message('schedule-tick', { n: 2 })]);
    await until(() => seen.includes('{"n":2}'), 'messages flow again');
    await bus.check();
    await subscriber.stop(5_000);
  }, 90_000);
});
