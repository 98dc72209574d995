import { behaviour, expect, pull, pullUntil, topicAndSubscription } from './targets.ts';

behaviour('retry policy', ({ feature }) => {
  feature(
    'a nacked message comes back no sooner than its back-off, which doubles up to the maximum',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, {
        retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 2 } },
      });
      await topic.publishMessage({ data: Buffer.from('x') });
      const waits: number[] = [];
      let [got] = await pullUntil(target, subscription.name);
      for (let i = 0; i < 3; i++) {
        const nacked = performance.now();
        await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [got!.ackId], ackDeadlineSeconds: 0 });
        [got] = await pullUntil(target, subscription.name, 8000);
        waits.push(performance.now() - nacked);
      }
      expect(waits[0]).toBeGreaterThanOrEqual(950);
      expect(waits[1]).toBeGreaterThanOrEqual(1900);
      expect(waits[2]).toBeGreaterThanOrEqual(1900);
      // That it grows no further than the maximum is told by backlog.test.ts, without a watch.
    },
    'its back-off has a spread of its own',
  );

  feature(
    'other messages do not wait for one in back-off',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, {
        retryPolicy: { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 20 } },
      });
      await topic.publishMessage({ data: Buffer.from('slow') });
      const [got] = await pullUntil(target, subscription.name);
      await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [got!.ackId], ackDeadlineSeconds: 0 });
      await topic.publishMessage({ data: Buffer.from('other') });
      expect((await pullUntil(target, subscription.name)).map((m) => m.text)).toEqual(['other']);
      expect(await pull(target, subscription.name)).toEqual([]);
    },
    'it redelivers a nacked message at once',
  );
});
