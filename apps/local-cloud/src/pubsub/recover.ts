/** Fills a broker that just opened its store: topics, subscriptions, snapshots, what is unacked, and leases that still live. */
import type { Broker } from './broker.ts';
import type { Snapshot, Topic } from './resources.ts';
import { countBits, type Pending, type Segment } from './segment.ts';

export function recover(broker: Broker): void {
  for (const { id, config } of broker.store.topics()) {
    broker.addTopic(id, config);
  }
  /** Messages and subscriptions of a deleted topic live on under its id. */
  const topicOf = (id: number): Topic => {
    const known = broker.archive.topics.get(id);
    if (known !== undefined) {
      return known;
    }
    const ghost: Topic = {
      id,
      config: { name: '_deleted-topic_' },
      deleted: true,
      retentionMs: 0,
      segments: new Map(),
      subscriptions: new Set(),
      snapshots: new Set(),
    };
    broker.archive.topics.set(id, ghost);
    return ghost;
  };
  const segments = new Map<number, Segment>();
  for (const segment of broker.store.segments()) {
    topicOf(segment.topicId).segments.set(segment.firstSeq, segment);
    segments.set(segment.firstSeq, segment);
  }
  const pendings = Map.groupBy(broker.store.pendings(), (row) => row.ownerId);
  const pendingsOf = (id: number): Pending[] =>
    (pendings.get(id) ?? []).flatMap(({ firstSeq, bits }) => {
      const segment = segments.get(firstSeq);
      if (segment === undefined) {
        return [];
      }
      segment.holders++;
      return [{ segment, bits, left: countBits(bits) }];
    });
  for (const stored of broker.store.subscriptions()) {
    const subscription = broker.addSubscription(stored, topicOf(stored.topicId), broker.store.failures(stored.id));
    for (const pending of pendingsOf(stored.id)) {
      subscription.backlog.add(pending);
    }
    for (const { seq, lease, deadline } of broker.store.leases(stored.id)) {
      if (subscription.settings.exactlyOnce && deadline > broker.now()) {
        subscription.backlog.restore(seq, lease, deadline);
      } else {
        broker.store.deleteLease(stored.id, seq);
      }
    }
  }
  for (const { id, topicId, nextSeq, config } of broker.store.snapshots()) {
    const held = new Map(pendingsOf(id).map((pending) => [pending.segment.firstSeq, pending]));
    const snapshot: Snapshot = { id, topic: topicOf(topicId), nextSeq, config, pendings: held };
    snapshot.topic.snapshots.add(snapshot);
    broker.snapshots.set(config.name, snapshot);
  }
  for (const segment of segments.values()) {
    if (segment.holders === 0) {
      broker.archive.hold(segment);
      broker.archive.release(segment);
    }
  }
}
