import { behaviour, expect, pause, pullUntil, receive, texts, topicAndSubscription } from './targets.ts';

const ORDERED = { enableMessageOrdering: true };

async function publishOrdered(
  topic: { setPublishOptions(o: object): void; publishMessage(m: object): Promise<string> },
  key: string,
  names: readonly string[],
) {
  topic.setPublishOptions({ messageOrdering: true, batching: { maxMessages: 1, maxMilliseconds: 1 } });
  for (const name of names) {
    await topic.publishMessage({ data: Buffer.from(name), orderingKey: key });
  }
}

behaviour('ordering keys', ({ feature }) => {
  feature('messages of a key arrive in the order they were published', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, ORDERED);
    const names = Array.from({ length: 60 }, (_, i) => String(i));
    await publishOrdered(topic, 'k', names);
    const messages = await receive(subscription, (m) => m.length === 60);
    expect(texts(messages)).toEqual(names);
    expect(messages[0]!.orderingKey).toBe('k');
  });

  feature('many keys do not wait for each other, each keeps its order', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, ORDERED);
    topic.setPublishOptions({ messageOrdering: true });
    const sent: Promise<string>[] = [];
    for (let i = 0; i < 300; i++) {
      sent.push(topic.publishMessage({ data: Buffer.from(`${i % 7}:${i}`), orderingKey: `key${i % 7}` }));
    }
    await Promise.all(sent);
    const seen = texts(await receive(subscription, (m) => m.length === 300));
    for (let key = 0; key < 7; key++) {
      const mine = seen.filter((text) => text.startsWith(`${key}:`)).map((text) => Number(text.split(':')[1]));
      expect(mine).toEqual([...mine].sort((a, b) => a - b));
    }
    expect(seen).toHaveLength(300);
  });

  feature(
    'a redelivered message brings the later ones of its key again, acked ones too, in order',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, ORDERED);
      await publishOrdered(topic, 'k', ['1', '2', '3', '4']);
      await publishOrdered(topic, 'other', ['o']);
      const first = await pullAll(target, subscription.name, 5);
      const byText = new Map(first.map((m) => [m.text, m.ackId]));
      await target.subscriber.acknowledge({
        subscription: subscription.name,
        ackIds: [byText.get('1')!, byText.get('3')!, byText.get('o')!],
      });
      await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [byText.get('2')!], ackDeadlineSeconds: 0 });
      const again = await pullAll(target, subscription.name, 3);
      expect(again.map((m) => m.text)).toEqual(['2', '3', '4']);
    },
    'it redelivers only the unacked messages of the key',
  );

  feature('while a message of a key is out, a second pull gets none of that key', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, ORDERED);
    await publishOrdered(topic, 'k', ['1', '2', '3']);
    const [response] = await target.subscriber.pull({ subscription: subscription.name, maxMessages: 1 });
    expect(response.receivedMessages).toHaveLength(1);
    const [second] = await target.subscriber.pull({ subscription: subscription.name, maxMessages: 10, returnImmediately: true });
    expect(second.receivedMessages ?? []).toEqual([]);
    await target.subscriber.acknowledge({ subscription: subscription.name, ackIds: [response.receivedMessages![0]!.ackId!] });
    expect((await pullUntil(target, subscription.name)).map((m) => m.text)[0]).toBe('2');
  });

  feature(
    'a nacked message holds its key back until it is acked, others go on',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, ORDERED);
      await publishOrdered(topic, 'a', ['a1', 'a2', 'a3']);
      await publishOrdered(topic, 'b', ['b1', 'b2']);
      let nacks = 0;
      const acked: string[] = [];
      const through = (): boolean => acked.includes('b2') && acked.slice(acked.indexOf('a1')).includes('a3') && acked.includes('a1');
      await receive(subscription, through, {
        handle: (m) => {
          const text = m.data.toString();
          if (text === 'a1' && nacks < 3) {
            nacks++;
            m.nack();
            return;
          }
          acked.push(text);
          m.ack();
        },
      });
      expect(nacks).toBe(3);
      expect(acked.slice(acked.indexOf('a1')).filter((text) => text.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
      expect(acked.filter((text) => text.startsWith('b'))).toEqual(['b1', 'b2']);
    },
    'it does not redeliver the later acked messages of the key',
  );

  feature('without ordering on the subscription a key means nothing', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await publishOrdered(topic, 'k', ['1', '2']);
    const [first] = await target.subscriber.pull({ subscription: subscription.name, maxMessages: 1 });
    await pause(100);
    const rest = await pullUntil(target, subscription.name);
    expect(first.receivedMessages).toHaveLength(1);
    expect(rest).toHaveLength(1);
  });
});

async function pullAll(target: Parameters<typeof pullUntil>[0], subscription: string, count: number) {
  const all: Awaited<ReturnType<typeof pullUntil>> = [];
  for (let tries = 0; all.length < count && tries < 20; tries++) {
    all.push(...(await pullUntil(target, subscription, 2000)));
  }
  return all;
}
