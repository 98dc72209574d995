/** Changes of a whole backlog at once: Seek, deletion, detaching, snapshots. Each is one transaction. */
import type { Broker } from './broker.ts';
import type { Snapshot, SnapshotConfig, Subscription } from './resources.ts';
import type { Pending } from './segment.ts';

/** From now on the backlog is what `compute` says, in order of publication. */
export function replaceBacklog(broker: Broker, subscription: Subscription, compute: () => readonly Pending[]): void {
  broker.change(() => {
    const next = compute();
    broker.store.deletePendingsOf(subscription.id);
    for (const pending of next) {
      broker.archive.hold(pending.segment);
      broker.store.putPending(subscription.id, pending);
    }
    for (const pending of subscription.backlog.pendings.values()) {
      broker.archive.release(pending.segment);
    }
    subscription.backlog.replace(next);
  });
  broker.serve(subscription);
}

/** Remembers what is unacked now; everything published later counts as unacked too. */
export function addSnapshot(broker: Broker, subscription: Subscription, config: SnapshotConfig): void {
  broker.change(() => {
    const id = broker.store.newId();
    const pendings = new Map<number, Pending>();
    for (const { segment, bits, left } of subscription.backlog.pendings.values()) {
      const copy: Pending = { segment, bits: Uint8Array.from(bits), left };
      broker.archive.hold(segment);
      broker.store.putPending(id, copy);
      pendings.set(segment.firstSeq, copy);
    }
    const snapshot: Snapshot = { id, topic: subscription.topic, nextSeq: broker.nextSeq, config, pendings };
    broker.store.putSnapshot({ id, topicId: snapshot.topic.id, nextSeq: snapshot.nextSeq, config });
    snapshot.topic.snapshots.add(snapshot);
    broker.snapshots.set(config.name, snapshot);
  });
}

export function deleteSnapshot(broker: Broker, snapshot: Snapshot): void {
  broker.change(() => {
    broker.store.deletePendingsOf(snapshot.id);
    broker.store.deleteSnapshot(snapshot.id);
  });
  broker.snapshots.delete(snapshot.config.name);
  snapshot.topic.snapshots.delete(snapshot);
  for (const { segment } of snapshot.pendings.values()) {
    broker.archive.release(segment);
  }
}
