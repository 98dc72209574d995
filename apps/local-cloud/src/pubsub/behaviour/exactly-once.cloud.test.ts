import type { Message } from '@google-cloud/pubsub';
import { behaviour, expect, pause, pull, pullUntil, receive, refusal, topicAndSubscription } from './targets.ts';

const ONCE = { enableExactlyOnceDelivery: true, ackDeadlineSeconds: 10 };
const LACKING = 'exactly-once delivery is not emulated';

behaviour('exactly-once delivery', ({ feature }) => {
  feature('an ack is confirmed, and the message does not come again', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, ONCE);
    await topic.publishMessage({ data: Buffer.from('x') });
    const results: string[] = [];
    await receive(subscription, () => results.length > 0, {
      ms: 3000,
      handle: (m: Message) => void m.ackWithResponse().then((r) => results.push(String(r))),
    });
    expect(results[0] ?? 'SUCCESS').toBe('SUCCESS');
    expect(await pull(target, subscription.name)).toEqual([]);
  });

  feature(
    'an ack id dies with its lease, and a late ack is told so',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, ONCE);
      await topic.publishMessage({ data: Buffer.from('x') });
      const [first] = await pullUntil(target, subscription.name);
      await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [first!.ackId], ackDeadlineSeconds: 1 });
      const [second] = await pullUntil(target, subscription.name, 5000);
      expect(second!.text).toBe('x');
      expect(second!.ackId).not.toBe(first!.ackId);
      const late = await target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [first!.ackId] }).then(
        () => null,
        (error: { code: number; errorInfoMetadata?: Record<string, string>; reason?: string }) => error,
      );
      expect(late?.code).toBe(3);
      expect(late?.errorInfoMetadata).toEqual({ [first!.ackId]: 'PERMANENT_FAILURE_INVALID_ACK_ID' });
      await target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [second!.ackId] });
      expect(await pull(target, subscription.name)).toEqual([]);
    },
    LACKING,
  );

  feature(
    'of several ack ids the good ones count and only the bad ones are named',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, ONCE);
      await topic.publishMessage({ data: Buffer.from('a') });
      await topic.publishMessage({ data: Buffer.from('b') });
      const got: Awaited<ReturnType<typeof pull>> = [];
      while (got.length < 2) {
        got.push(...(await pullUntil(target, subscription.name)));
      }
      await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [got[0]!.ackId], ackDeadlineSeconds: 0 });
      const error = await target.subscriber.acknowledge({ subscription: subscription.name, ackIds: got.map((m) => m.ackId) }).then(
        () => null,
        (e: { errorInfoMetadata?: Record<string, string> }) => e,
      );
      expect(Object.keys(error?.errorInfoMetadata ?? {})).toEqual([got[0]!.ackId]);
      const [again] = await pullUntil(target, subscription.name);
      expect(again!.text).toBe(got[0]!.text);
    },
    LACKING,
  );

  feature('while a lease lives and is extended, nobody else gets the message', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, ONCE);
    await topic.publishMessage({ data: Buffer.from('x') });
    const [first] = await pullUntil(target, subscription.name);
    for (let i = 0; i < 6; i++) {
      await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [first!.ackId], ackDeadlineSeconds: 2 });
      await pause(500);
      expect(await pull(target, subscription.name)).toEqual([]);
    }
    expect((await refusal(target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [first!.ackId] }))).code).toBe(0);
  });

  feature(
    'messages that come one by one go to each of several streams in turn',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, ONCE);
      const got = [0, 0, 0];
      const streams = got.map((_, i) => {
        const stream = target.subscriber.streamingPull();
        stream.on('error', () => {});
        stream.on('data', ({ receivedMessages = [] }: { receivedMessages?: unknown[] }) => (got[i]! += receivedMessages.length));
        stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 60 });
        return stream;
      });
      await pause(300);
      for (let sent = 1; sent <= 6; sent++) {
        await topic.publishMessage({ data: Buffer.from('x') });
        while (got.reduce((a, b) => a + b) < sent) await pause(10);
      }
      for (const stream of streams) stream.cancel();
      expect(got).toEqual([2, 2, 2]);
    },
    LACKING,
  );

  feature(
    'an ack asked twice is confirmed twice',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, ONCE);
      await topic.publishMessage({ data: Buffer.from('x') });
      const [first] = await pullUntil(target, subscription.name);
      const ack = () => refusal(target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [first!.ackId] }));
      expect((await ack()).code).toBe(0);
      expect((await ack()).code).toBe(0);
    },
    LACKING,
  );

  feature(
    'a delivery whose lease ended before its receipt never reaches the handler, the next one does and is confirmed',
    async (target) => {
      const retryPolicy = { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 1 } };
      const { topic, subscription } = await topicAndSubscription(target, { ...ONCE, retryPolicy });
      await target.process!.control('PUT', '/__control/faults', { 'pubsub.lease.expire': { times: 2 } });
      await topic.publishMessage({ data: Buffer.from('x') });
      const outcomes: string[] = [];
      await receive(subscription, () => outcomes.length > 0, {
        ms: 8000,
        handle: (m) =>
          void m.ackWithResponse().then(
            (r) => outcomes.push(String(r)),
            (error: { errorCode: string }) => outcomes.push(error.errorCode),
          ),
      });
      const faults = (await target.process!.control('GET', '/__control/faults')) as Record<string, { fired: number }>;
      expect(faults['pubsub.lease.expire']!.fired).toBe(2);
      expect(outcomes).toEqual(['SUCCESS']);
    },
    LACKING,
  );

  feature(
    'with ordering, an ack of a key out of order is told so and counts once the earlier ones are acked',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, { ...ONCE, enableMessageOrdering: true });
      topic.setPublishOptions({ messageOrdering: true });
      await Promise.all(['1', '2'].map((name) => topic.publishMessage({ data: Buffer.from(name), orderingKey: 'k' })));
      const got: Awaited<ReturnType<typeof pull>> = [];
      const [response] = await target.subscriber.pull({ subscription: subscription.name, maxMessages: 2 });
      got.push(...response.receivedMessages!.map((m) => ({ ackId: m.ackId!, text: '', attempt: 0 })));
      expect(got).toHaveLength(2);
      const ack = (i: number) => target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [got[i]!.ackId] });
      const early = await ack(1).then(
        () => null,
        (e: { errorInfoMetadata?: Record<string, string> }) => e,
      );
      expect(early?.errorInfoMetadata).toEqual({ [got[1]!.ackId]: 'TRANSIENT_FAILURE_UNORDERED_ACK_ID' });
      await ack(0);
      await ack(1);
      expect(await pull(target, subscription.name)).toEqual([]);
    },
    LACKING,
  );
});
