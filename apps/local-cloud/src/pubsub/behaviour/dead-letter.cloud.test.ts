import { behaviour, expect, pause, pull, pullUntil, receive, texts, topicAndSubscription } from './targets.ts';

behaviour('dead-letter topics', ({ feature }) => {
  feature('after max attempts a message moves to the dead-letter topic, and its attempts are numbered', async (target) => {
    const dead = await topicAndSubscription(target);
    const { topic, subscription } = await topicAndSubscription(target, {
      deadLetterPolicy: { deadLetterTopic: dead.topic.name, maxDeliveryAttempts: 5 },
    });
    await topic.publishMessage({ data: Buffer.from('poison'), attributes: { kind: 'bad' } });
    await topic.publishMessage({ data: Buffer.from('good') });
    const attempts: number[] = [];
    await receive(subscription, () => false, {
      ms: 2500,
      handle: (m) => {
        if (m.data.toString() === 'good') {
          m.ack();
          return;
        }
        attempts.push(m.deliveryAttempt);
        m.nack();
      },
    });
    expect(attempts).toEqual([1, 2, 3, 4, 5]);
    const [letter] = await receive(dead.subscription, (m) => m.length === 1);
    expect(letter!.data.toString()).toBe('poison');
    expect(letter!.attributes.kind).toBe('bad');
    await pause(200);
    expect(await pull(target, subscription.name)).toEqual([]);
  });

  feature(
    'a dead letter says where it comes from',
    async (target) => {
      const dead = await topicAndSubscription(target);
      const { topic, subscription } = await topicAndSubscription(target, {
        deadLetterPolicy: { deadLetterTopic: dead.topic.name, maxDeliveryAttempts: 5 },
      });
      await topic.publishMessage({ data: Buffer.from('poison') });
      await receive(subscription, (m) => m.length === 5, { handle: (m) => m.nack() });
      const [letter] = await receive(dead.subscription, (m) => m.length === 1);
      expect(letter!.attributes).toMatchObject({
        CloudPubSubDeadLetterSourceDeliveryCount: '5',
        CloudPubSubDeadLetterSourceSubscription: subscription.name.split('/').at(-1),
        CloudPubSubDeadLetterSourceSubscriptionProject: 'behaviour-project',
      });
      expect(Date.parse(letter!.attributes.CloudPubSubDeadLetterSourceTopicPublishTime!)).not.toBeNaN();
    },
    'the attributes are not all there in all versions',
  );

  feature(
    'a missed deadline counts like a nack',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, {
        deadLetterPolicy: { deadLetterTopic: target.path('topics', target.name('nobody')), maxDeliveryAttempts: 5 },
      });
      await topic.publishMessage({ data: Buffer.from('x') });
      const [first] = await pullUntil(target, subscription.name);
      await target.subscriber.modifyAckDeadline({ subscription: subscription.name, ackIds: [first!.ackId], ackDeadlineSeconds: 1 });
      const [second] = await pullUntil(target, subscription.name, 5000);
      expect([first!.attempt, second!.attempt]).toEqual([1, 2]);
    },
    'it refuses a dead-letter topic that does not exist',
  );

  feature('without a dead-letter policy no attempt is told and messages come for ever', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await topic.publishMessage({ data: Buffer.from('x') });
    const attempts: number[] = [];
    const messages = await receive(subscription, () => attempts.length === 12, {
      handle: (m) => {
        attempts.push(m.deliveryAttempt);
        m.nack();
      },
    });
    expect(texts(messages)).toHaveLength(12);
    expect(new Set(attempts)).toEqual(new Set([0]));
  });
});
