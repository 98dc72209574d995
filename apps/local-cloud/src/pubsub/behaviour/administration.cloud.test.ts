import { behaviour, expect, receive, refusal, texts, topicAndSubscription } from './targets.ts';

behaviour('topics and subscriptions', ({ feature }) => {
  feature('create, get, list and delete, with the codes for what is there twice or not at all', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target, { labels: { team: 'a' } });
    expect((await refusal(target.pubsub.createTopic(topic.name))).code).toBe(6);
    expect((await refusal(topic.createSubscription(subscription.name))).code).toBe(6);
    expect((await target.publisher.listTopics({ project: 'projects/behaviour-project' }))[0].map((t) => t.name)).toContain(topic.name);
    expect((await target.publisher.listTopicSubscriptions({ topic: topic.name }))[0]).toEqual([subscription.name]);
    const [metadata] = await subscription.getMetadata();
    expect(metadata).toMatchObject({ name: subscription.name, topic: topic.name, ackDeadlineSeconds: 10, labels: { team: 'a' } });
    expect(Number((metadata.messageRetentionDuration as { seconds: number }).seconds)).toBe(604_800);
    await subscription.delete();
    expect((await refusal(subscription.getMetadata())).code).toBe(5);
    await topic.delete();
    expect((await refusal(topic.getMetadata())).code).toBe(5);
    expect((await refusal(topic.createSubscription(target.name('orphan')))).code).toBe(5);
  });

  feature('a subscription outlives its topic and keeps its messages', async (target) => {
    const { topic, subscription } = await topicAndSubscription(target);
    await topic.publishMessage({ data: Buffer.from('left') });
    await topic.delete();
    const [metadata] = await subscription.getMetadata();
    expect(metadata.topic).toBe('_deleted-topic_');
    expect(texts(await receive(subscription, (m) => m.length === 1))).toEqual(['left']);
  });

  feature('lists come in pages', async (target) => {
    const { topic } = await topicAndSubscription(target);
    const names = [];
    for (let i = 0; i < 4; i++) {
      names.push((await topic.createSubscription(target.name(`page${i}`)))[0].name);
    }
    const seen: string[] = [];
    for (let pageToken = ''; ; ) {
      const [items, , response] = await target.publisher.listTopicSubscriptions(
        { topic: topic.name, pageSize: 2, pageToken },
        { autoPaginate: false },
      );
      expect(items.length).toBeLessThanOrEqual(2);
      seen.push(...items);
      pageToken = (response as { nextPageToken?: string } | null)?.nextPageToken ?? '';
      if (pageToken === '') {
        break;
      }
    }
    expect(seen).toEqual(expect.arrayContaining(names));
    expect(new Set(seen).size).toBe(seen.length);
  });

  feature(
    'names that break the rules are refused',
    async (target) => {
      for (const id of ['ab', '1abc', 'goog-x', 'has space', 'a/b', 'x'.repeat(256), 'ümlaut']) {
        expect([id, (await refusal(target.publisher.createTopic({ name: target.path('topics', id) }))).code]).toEqual([id, 3]);
      }
      expect((await refusal(target.publisher.createTopic({ name: 'topics/abc' }))).code).toBe(3);
      expect((await refusal(target.publisher.createTopic({ name: target.path('topics', 'a.b_c~d+e%f-9') }))).code).toBe(0);
    },
    'the rules are not checked in all versions',
  );

  feature(
    'an update changes what its mask names and nothing else',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, { labels: { a: 'b' } });
      const [updated] = await target.subscriber.updateSubscription({
        subscription: {
          name: subscription.name,
          ackDeadlineSeconds: 33,
          retryPolicy: { minimumBackoff: { seconds: 3 } },
          enableExactlyOnceDelivery: true,
        },
        updateMask: { paths: ['ack_deadline_seconds', 'retry_policy'] },
      });
      expect(updated).toMatchObject({ ackDeadlineSeconds: 33, labels: { a: 'b' }, enableExactlyOnceDelivery: false });
      expect(Number(updated.retryPolicy!.minimumBackoff!.seconds)).toBe(3);
      const [changed] = await target.publisher.updateTopic({
        topic: { name: topic.name, labels: { x: 'y' } },
        updateMask: { paths: ['labels'] },
      });
      expect(changed.labels).toEqual({ x: 'y' });
      const bad = (paths: string[]) =>
        refusal(target.subscriber.updateSubscription({ subscription: { name: subscription.name }, updateMask: { paths } }));
      expect((await bad([])).code).toBe(3);
      expect((await bad(['enable_message_ordering'])).code).toBe(3);
      expect((await bad(['nonsense'])).code).toBe(3);
    },
    'UpdateTopic and parts of UpdateSubscription are missing',
  );

  feature(
    'ack deadlines out of range are refused',
    async (target) => {
      const { topic } = await topicAndSubscription(target);
      for (const ackDeadlineSeconds of [5, 601, -1]) {
        expect((await refusal(topic.createSubscription(target.name('bad'), { ackDeadlineSeconds }))).code).toBe(3);
      }
    },
    'it takes any ack deadline up to 600',
  );

  feature(
    'push, BigQuery and other deliveries are refused by name',
    async (target) => {
      const { topic } = await topicAndSubscription(target);
      const answer = await refusal(topic.createSubscription(target.name('push'), { pushConfig: { pushEndpoint: 'http://127.0.0.1:1/x' } }));
      expect(answer).toEqual({ code: 12, details: 'Subscription.push_config is not part of local-cloud.' });
    },
    'it has push',
  );

  feature(
    'a detached subscription keeps nothing and refuses readers',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target);
      await topic.publishMessage({ data: Buffer.from('x') });
      await target.publisher.detachSubscription({ subscription: subscription.name });
      expect((await subscription.getMetadata())[0].detached).toBe(true);
      expect((await refusal(target.subscriber.pull({ subscription: subscription.name, maxMessages: 1 }))).code).toBe(9);
    },
    'DetachSubscription is missing',
  );
});
