/** What a restart keeps: leases of exactly-once subscriptions, failures counted towards the dead-letter topic, order of keys. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';
import { connect, pull, pullUntil, refusal, type Target } from './behaviour/targets.ts';

describe('after kill -9 and a restart', () => {
  let cloud: StartedProcess;
  let target: Target;
  const restart = async (): Promise<void> => {
    await cloud.kill();
    await cloud.start();
    for (
      let tries = 0;
      (await refusal(target.publisher.listTopics({ project: 'projects/behaviour-project' }))).code !== 0 && tries < 50;
      tries++
    );
  };
  const create = async (name: string, options: object): Promise<{ topic: string; subscription: string }> => {
    const topic = target.path('topics', name);
    const subscription = target.path('subscriptions', name);
    await target.publisher.createTopic({ name: topic });
    await target.subscriber.createSubscription({ name: subscription, topic, ackDeadlineSeconds: 10, ...options });
    return { topic, subscription };
  };
  const publish = (topic: string, ...names: string[]) =>
    target.publisher.publish({
      topic,
      messages: names.map((name) => ({ data: Buffer.from(name), orderingKey: name.startsWith('k') ? 'k' : '' })),
    });
  beforeAll(async () => {
    cloud = await startProcess();
    target = connect(cloud.addresses.pubsub, cloud);
  });
  afterAll(async () => {
    await target.publisher.close();
    await target.subscriber.close();
    await cloud.dispose();
  });

  test('an exactly-once lease still belongs to its subscriber: nobody else gets the message, its ack counts', async () => {
    const { topic, subscription } = await create('once', { enableExactlyOnceDelivery: true });
    await publish(topic, 'x', 'y');
    const got = await pullUntil(target, subscription);
    expect(got).toHaveLength(2);
    await target.subscriber.modifyAckDeadline({ subscription, ackIds: [got[0]!.ackId], ackDeadlineSeconds: 60 });
    await restart();
    expect(await pull(target, subscription)).toEqual([]);
    await target.subscriber.acknowledge({ subscription, ackIds: [got[0]!.ackId] });
    const [again] = await pullUntil(target, subscription, 15_000);
    expect(again!.text).toBe(got[1]!.text);
    expect((await refusal(target.subscriber.acknowledge({ subscription, ackIds: [got[1]!.ackId] }))).code).toBe(3);
    await target.subscriber.acknowledge({ subscription, ackIds: [again!.ackId] });
    await restart();
    expect(await pull(target, subscription)).toEqual([]);
  }, 60_000);

  test('without exactly-once an unacked message comes at once, and an ack id from before still acks', async () => {
    const { topic, subscription } = await create('plain', {});
    await publish(topic, 'x', 'y');
    const got = await pullUntil(target, subscription);
    await restart();
    await target.subscriber.acknowledge({ subscription, ackIds: [got[0]!.ackId] });
    expect((await pullUntil(target, subscription)).map((m) => m.text)).toEqual([got[1]!.text]);
  }, 60_000);

  test('failures go on counting towards the dead-letter topic', async () => {
    const dead = await create('dead', {});
    const { topic, subscription } = await create('counted', { deadLetterPolicy: { deadLetterTopic: dead.topic, maxDeliveryAttempts: 5 } });
    await publish(topic, 'x');
    const attempts: number[] = [];
    for (let i = 0; i < 5; i++) {
      const [got] = await pullUntil(target, subscription);
      attempts.push(got!.attempt);
      await target.subscriber.modifyAckDeadline({ subscription, ackIds: [got!.ackId], ackDeadlineSeconds: 0 });
      await target.subscriber.acknowledge({ subscription: dead.subscription, ackIds: ['0-0'] });
      if (i === 2) {
        await restart();
      }
    }
    expect(attempts).toEqual([1, 2, 3, 4, 5]);
    expect((await pullUntil(target, dead.subscription)).map((m) => m.text)).toEqual(['x']);
  }, 60_000);

  test('a key keeps its order, also when its first message is still leased', async () => {
    const { topic, subscription } = await create('ordered', { enableMessageOrdering: true, enableExactlyOnceDelivery: true });
    await publish(topic, 'k1');
    await publish(topic, 'k2');
    await publish(topic, 'k3');
    const [response] = await target.subscriber.pull({ subscription, maxMessages: 1 });
    await restart();
    expect(await pull(target, subscription)).toEqual([]);
    await target.subscriber.acknowledge({ subscription, ackIds: [response.receivedMessages![0]!.ackId!] });
    expect((await pullUntil(target, subscription)).map((m) => m.text)).toEqual(['k2', 'k3']);
  }, 60_000);
});
