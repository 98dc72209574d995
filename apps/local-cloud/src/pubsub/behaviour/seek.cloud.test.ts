import { behaviour, expect, pause, pull, pullUntil, receive, refusal, texts, topicAndSubscription } from './targets.ts';

async function publish(topic: { publishMessage(m: object): Promise<string> }, ...names: string[]) {
  for (const name of names) {
    await topic.publishMessage({ data: Buffer.from(name) });
  }
}
const at = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 });

behaviour('seek and snapshots', ({ feature }) => {
  feature('seek to the future acks everything', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await publish(topic, 'a', 'b');
    await target.subscriber.seek({ subscription: subscription.name, time: at(Date.now() + 60_000) });
    expect(await pull(target, subscription.name)).toEqual([]);
    await publish(topic, 'c');
    expect((await pullUntil(target, subscription.name)).map((m) => m.text)).toEqual(['c']);
  });

  feature('seek to a time brings acked messages since then back when they are retained', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, { retainAckedMessages: true });
    await publish(topic, 'old');
    await pause(50);
    const then = Date.now();
    await pause(50);
    await publish(topic, 'new1', 'new2');
    await receive(subscription, (m) => m.length === 3);
    await pause(300);
    expect(await pull(target, subscription.name)).toEqual([]);
    await target.subscriber.seek({ subscription: subscription.name, time: at(then) });
    expect(texts(await receive(subscription, (m) => m.length === 3, { ms: 1500 })).sort()).toEqual(['new1', 'new2']);
  });

  feature(
    'without retention acked messages stay acked',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target);
      await publish(topic, 'a');
      await receive(subscription, (m) => m.length === 1);
      await pause(300);
      await target.subscriber.seek({ subscription: subscription.name, time: at(Date.now() - 60_000) });
      expect(await pull(target, subscription.name)).toEqual([]);
    },
    'it retains everything',
  );

  feature(
    'a retaining topic lets a younger subscription go back before its birth',
    async (target) => {
      const [topic] = await target.pubsub.createTopic({
        name: target.path('topics', target.name('keep')),
        messageRetentionDuration: { seconds: 600 },
      });
      await publish(topic, 'before');
      const [subscription] = await topic.createSubscription(target.name('young'));
      expect(await pull(target, subscription.name)).toEqual([]);
      await target.subscriber.seek({ subscription: subscription.name, time: at(Date.now() - 60_000) });
      expect((await pullUntil(target, subscription.name)).map((m) => m.text)).toEqual(['before']);
    },
    'topic retention is not configurable',
  );

  feature('a snapshot brings back what was unacked then and everything since', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await publish(topic, 'acked');
    await receive(subscription, (m) => m.length === 1);
    await pause(300);
    await publish(topic, 'open');
    const name = target.path('snapshots', target.name('snap'));
    const [snapshot] = await target.subscriber.createSnapshot({ name, subscription: subscription.name });
    expect(snapshot.topic).toBe(topic.name);
    await publish(topic, 'later');
    await receive(subscription, (m) => m.length === 2);
    await pause(300);
    await target.subscriber.seek({ subscription: subscription.name, snapshot: name });
    expect(texts(await receive(subscription, (m) => m.length === 3, { ms: 1500 })).sort()).toEqual(['later', 'open']);
    await target.subscriber.deleteSnapshot({ snapshot: name });
    expect((await refusal(target.subscriber.seek({ subscription: subscription.name, snapshot: name }))).code).toBe(5);
  });

  feature(
    'an ack id from before a seek acks nothing after it',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, { retainAckedMessages: true });
      await publish(topic, 'a');
      const [got] = await pullUntil(target, subscription.name);
      await target.subscriber.seek({ subscription: subscription.name, time: at(Date.now() - 60_000) });
      await target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [got!.ackId] });
      expect((await pullUntil(target, subscription.name)).map((m) => m.text)).toEqual(['a']);
    },
    'old ack ids stay valid there',
  );
});
