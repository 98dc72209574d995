/** Every fault point of Pub/Sub, hit by the real client, and what survives it. */
import { PubSub } from '@google-cloud/pubsub';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';
import { connect, pause, pull, receive, type Target, texts, topicAndSubscription } from './behaviour/targets.ts';

describe('faults of Pub/Sub', () => {
  let cloud: StartedProcess;
  let target: Target;
  const arm = (plans: object): Promise<unknown> => cloud.control('PUT', '/__control/faults', plans);
  const fired = async (point: string): Promise<number> =>
    ((await cloud.control('GET', '/__control/faults')) as Record<string, { fired: number }>)[point]!.fired;
  beforeAll(async () => {
    cloud = await startProcess();
    target = connect(cloud.addresses.pubsub, cloud);
  });
  afterAll(async () => {
    await target.pubsub.close();
    await target.publisher.close();
    await target.subscriber.close();
    await cloud.dispose();
  });

  test('an answer lost after the commit makes the client publish twice; before the commit, once', async () => {
    const { topic, subscription } = await topicAndSubscription(target);
    await arm({ 'pubsub.publish.answer_lost': { times: 1 } });
    await topic.publishMessage({ data: Buffer.from('twice') });
    await arm({ 'pubsub.publish.unavailable': { times: 1 } });
    await topic.publishMessage({ data: Buffer.from('once') });
    await arm({ 'pubsub.publish.slow': { times: 1, delayMs: 100 } });
    await topic.publishMessage({ data: Buffer.from('slow') });
    const seen = texts(await receive(subscription, (m) => m.length === 5, { ms: 1500 }));
    expect(seen.sort()).toEqual(['once', 'slow', 'twice', 'twice']);
    const points = ['pubsub.publish.answer_lost', 'pubsub.publish.unavailable', 'pubsub.publish.slow'];
    expect(await Promise.all(points.map(fired))).toEqual([1, 1, 1]);
  });

  test('a lost answer to an ack does not bring the message back', async () => {
    const { topic, subscription } = await topicAndSubscription(target);
    await topic.publishMessage({ data: Buffer.from('x') });
    await arm({ 'pubsub.ack.answer_lost': { times: 1 }, 'pubsub.ack.unavailable': { times: 1 } });
    await receive(subscription, (m) => m.length === 1);
    await pause(500);
    expect(await pull(target, subscription.name)).toEqual([]);
    expect([await fired('pubsub.ack.answer_lost'), await fired('pubsub.ack.unavailable')]).toEqual([1, 1]);
  });

  test('acks and receipts that are answered late count', async () => {
    const { topic, subscription } = await topicAndSubscription(target, { enableExactlyOnceDelivery: true });
    await arm({ 'pubsub.ack.late': { times: 1, delayMs: 100 }, 'pubsub.extend.late': { times: 1, delayMs: 100 } });
    await topic.publishMessage({ data: Buffer.from('x') });
    await receive(subscription, (m) => m.length === 1, { ms: 3000 });
    expect(await pull(target, subscription.name)).toEqual([]);
    expect([await fired('pubsub.ack.late'), await fired('pubsub.extend.late')]).toEqual([1, 1]);
  });

  test('batches come twice, late or back to front when told to', async () => {
    const { topic, subscription } = await topicAndSubscription(target);
    const publisher = new PubSub({ projectId: 'behaviour-project', apiEndpoint: target.host, emulatorMode: true }).topic(topic.name);
    publisher.setPublishOptions({ batching: { maxMessages: 3, maxMilliseconds: 1000 } });
    await arm({
      'pubsub.delivery.duplicate': { times: 1 },
      'pubsub.delivery.reorder': { times: 1 },
      'pubsub.delivery.delay': { times: 1, delayMs: 300 },
    });
    const published = performance.now();
    await Promise.all(['a', 'b', 'c'].map((name) => publisher.publishMessage({ data: Buffer.from(name) })));
    const messages = await receive(subscription, (m) => m.length === 6, { ms: 3000 });
    expect(texts(messages)).toEqual(['c', 'b', 'a', 'c', 'b', 'a']);
    expect(performance.now() - published).toBeGreaterThan(250);
    expect(await fired('pubsub.delivery.duplicate')).toBe(1);
    expect(await fired('pubsub.delivery.delay')).toBe(1);
    await publisher.pubsub.close();
  });

  test('a lease that ends early and a stream that is reset lead to another delivery, not to a loss', async () => {
    const { topic, subscription } = await topicAndSubscription(target);
    await arm({ 'pubsub.lease.expire': { times: 1 } });
    await topic.publishMessage({ data: Buffer.from('x') });
    expect(await receive(subscription, (m) => m.length === 2, { ms: 3000 })).toHaveLength(2);
    await arm({ 'pubsub.stream.reset': { times: 1 } });
    await topic.publishMessage({ data: Buffer.from('y') });
    expect(texts(await receive(subscription, (m) => m.length >= 1)).at(-1)).toBe('y');
    expect([await fired('pubsub.lease.expire'), await fired('pubsub.stream.reset')]).toEqual([1, 1]);
  });
});

describe('retention', () => {
  let cloud: StartedProcess;
  let target: Target;
  beforeAll(async () => {
    cloud = await startProcess();
    target = connect(cloud.addresses.pubsub, cloud);
  });
  afterAll(async () => {
    await target.pubsub.close();
    await target.publisher.close();
    await target.subscriber.close();
    await cloud.dispose();
  });

  test('an unacked message is given up after the retention of its subscription, not before', async () => {
    const { topic, subscription } = await topicAndSubscription(target, { messageRetentionDuration: 600 });
    const [longer] = await topic.createSubscription(target.name('longer'), { messageRetentionDuration: { seconds: 86_400 } });
    await topic.publishMessage({ data: Buffer.from('x') });
    await cloud.control('PUT', '/__control/clock', { factor: 300 });
    // 2.6 real seconds are 780 virtual ones.
    await pause(2600);
    await cloud.control('PUT', '/__control/clock', { factor: 1 });
    // Retention is looked at once a second.
    await pause(1200);
    expect(await pull(target, subscription.name)).toEqual([]);
    expect((await pull(target, longer.name)).map((m) => m.text)).toEqual(['x']);
  });
});
