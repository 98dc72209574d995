import { behaviour, expect, pause, pull, receive, refusal, texts, topicAndSubscription } from './targets.ts';

behaviour('publish and receive', ({ feature }) => {
  feature('a message arrives with its data, attributes, id, key and publish time', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    const before = Date.now();
    const id = await topic.publishMessage({ data: Buffer.from([0, 255, 7]), attributes: { a: 'ä', empty: '' } });
    const [message] = await receive(subscription, (m) => m.length === 1);
    expect(message!.id).toBe(id);
    expect([...message!.data]).toEqual([0, 255, 7]);
    expect(message!.attributes).toEqual({ a: 'ä', empty: '' });
    expect(Math.abs(message!.publishTime.getTime() - before)).toBeLessThan(5000);
    expect(message!.deliveryAttempt).toBe(0);
  });

  feature('every subscription of a topic gets every message, from its creation on', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await topic.publishMessage({ data: Buffer.from('early') });
    const [later] = await topic.createSubscription(target.name('later'));
    await topic.publishMessage({ data: Buffer.from('late') });
    expect(texts(await receive(subscription, (m) => m.length === 2)).sort()).toEqual(['early', 'late']);
    expect(texts(await receive(later, (m) => m.length === 2, { ms: 1500 }))).toEqual(['late']);
  });

  feature('an acked message does not come again', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await topic.publishMessage({ data: Buffer.from('once') });
    await receive(subscription, (m) => m.length === 1);
    await pause(300);
    expect(await pull(target, subscription.name)).toEqual([]);
  });

  feature('a nacked message comes again, at once without a retry policy', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await topic.publishMessage({ data: Buffer.from('again') });
    let seen = 0;
    const messages = await receive(subscription, (m) => m.length === 2, { handle: (m) => (seen++ === 0 ? m.nack() : m.ack()) });
    expect(messages.map((m) => m.id)).toEqual([messages[0]!.id, messages[0]!.id]);
  });

  feature('two subscribers of one subscription share its messages', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    const ids = new Set<string>();
    let total = 0;
    const count = (messages: readonly { readonly id: string }[]): boolean => {
      ids.add(messages.at(-1)!.id);
      total++;
      return ids.size === 200;
    };
    const readers = [receive(subscription, count, { ms: 4000 }), receive(subscription, count, { ms: 4000 })];
    await Promise.all(Array.from({ length: 200 }, (_, i) => topic.publishMessage({ data: Buffer.from(String(i)) })));
    await Promise.all(readers);
    expect(ids.size).toBe(200);
    expect(total).toBe(200);
  });

  feature('bad publishes are refused', async (target) => {
    const { topic } = await topicAndSubscription(target);
    const publish = (messages: object[]) => refusal(target.publisher.publish({ topic: topic.name, messages }));
    expect((await publish([{}])).code).toBe(3);
    expect((await publish([])).code).toBe(3);
    expect(
      (await refusal(target.publisher.publish({ topic: target.path('topics', 'nosuchtopic'), messages: [{ data: Buffer.from('x') }] })))
        .code,
    ).toBe(5);
  });

  feature(
    'sizes beyond the documented limits are refused with the limit',
    async (target) => {
      const { topic } = await topicAndSubscription(target);
      const publish = (messages: object[]) => refusal(target.publisher.publish({ topic: topic.name, messages }));
      const data = Buffer.from('x');
      expect(await publish([{ data: Buffer.alloc(11 * 1024 * 1024) }])).toEqual({
        code: 3,
        details: 'Request payload size exceeds the limit: 10485760 bytes.',
      });
      expect((await publish([{ data, attributes: { '': 'v' } }])).code).toBe(3);
      expect((await publish([{ data, attributes: { googclient: 'v' } }])).code).toBe(3);
      expect((await publish(Array.from({ length: 1001 }, () => ({ data })))).details).toContain('maximum value is 1000');
      expect((await publish([{ data, attributes: { ['k'.repeat(257)]: 'v' } }])).details).toContain('maximum value is 256');
      expect((await publish([{ data, attributes: { k: 'v'.repeat(1025) } }])).details).toContain('maximum value is 1024');
      expect(
        (await publish([{ data, attributes: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, 'v'])) }])).details,
      ).toContain('maximum value is 100');
      expect((await publish([{ data, orderingKey: 'k'.repeat(1025) }])).details).toContain('maximum value is 1024');
      expect((await publish([{ data, attributes: { ['k'.repeat(256)]: 'v'.repeat(1024) }, orderingKey: 'k'.repeat(1024) }])).code).toBe(0);
    },
    'most limits are not checked',
  );
});
