import * as grpc from '@grpc/grpc-js';
import { behaviour, expect, pause, topicAndSubscription } from './targets.ts';

behaviour('streams: flow control and keepalive', ({ feature }) => {
  feature(
    'a stream never holds more unacked messages than it asked for',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target);
      await Promise.all(Array.from({ length: 50 }, (_, i) => topic.publishMessage({ data: Buffer.from(String(i)) })));
      const stream = target.subscriber.streamingPull();
      const got: string[] = [];
      stream.on('error', () => {});
      stream.on('data', (response: { receivedMessages?: { ackId: string }[] }) =>
        got.push(...(response.receivedMessages ?? []).map((m) => m.ackId)),
      );
      stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 60, maxOutstandingMessages: 7 });
      await pause(700);
      expect(got).toHaveLength(7);
      await target.subscriber.acknowledge({ subscription: subscription.name, ackIds: got.slice(0, 3) });
      await pause(700);
      expect(got).toHaveLength(10);
      stream.cancel();
    },
    'it ignores max_outstanding_messages',
  );

  feature(
    'a stream never holds many more unacked bytes than it asked for',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target);
      await Promise.all(Array.from({ length: 30 }, () => topic.publishMessage({ data: Buffer.alloc(1000) })));
      const stream = target.subscriber.streamingPull();
      let got = 0;
      stream.on('error', () => {});
      stream.on('data', (response: { receivedMessages?: unknown[] }) => {
        got += response.receivedMessages?.length ?? 0;
      });
      stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 60, maxOutstandingBytes: 5000 });
      await pause(700);
      stream.cancel();
      expect(got).toBeGreaterThanOrEqual(4);
      expect(got).toBeLessThanOrEqual(6);
    },
    'it ignores max_outstanding_bytes',
  );

  feature(
    'an empty request is answered by an empty response',
    async (target) => {
      const { subscription } = await topicAndSubscription(target);
      const stream = target.subscriber.streamingPull();
      let responses = 0;
      stream.on('error', () => {});
      stream.on('data', () => {
        responses++;
      });
      stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 60 });
      await pause(300);
      const before = responses;
      stream.write({});
      await pause(300);
      stream.cancel();
      expect(responses - before).toBe(1);
    },
    'answered only from emulator 0.8.32 on',
  );

  feature('messages of a stream that dies come again after their deadline', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, { ackDeadlineSeconds: 10 });
    await topic.publishMessage({ data: Buffer.from('x') });
    const stream = target.subscriber.streamingPull();
    stream.on('error', () => {});
    const first = new Promise((resolve) =>
      stream.on('data', (r: { receivedMessages?: unknown[] }) => r.receivedMessages?.length && resolve(null)),
    );
    stream.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 });
    await first;
    const died = performance.now();
    stream.cancel();
    const second = target.subscriber.streamingPull();
    second.on('error', () => {});
    const again = new Promise((resolve) =>
      second.on('data', (r: { receivedMessages?: unknown[] }) => r.receivedMessages?.length && resolve(null)),
    );
    second.write({ subscription: subscription.name, streamAckDeadlineSeconds: 10 });
    await again;
    second.cancel();
    expect(performance.now() - died).toBeGreaterThan(8500);
  });

  feature('a stream for a subscription that is not there is refused, as is a bad deadline', async (target) => {
    const code = (request: object): Promise<number> =>
      new Promise((resolve) => {
        const stream = target.subscriber.streamingPull();
        stream.on('data', () => {});
        stream.on('error', (error: { code: number }) => resolve(error.code));
        stream.write(request);
      });
    const { subscription } = await topicAndSubscription(target);
    expect(await code({ subscription: target.path('subscriptions', 'nosuchsub'), streamAckDeadlineSeconds: 60 })).toBe(
      grpc.status.NOT_FOUND,
    );
    expect(await code({ subscription: subscription.name, streamAckDeadlineSeconds: 5 })).toBe(grpc.status.INVALID_ARGUMENT);
  });
});
