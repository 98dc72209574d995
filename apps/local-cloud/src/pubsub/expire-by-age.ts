import type { Broker } from './broker.ts';
import { deleteSnapshot } from './rebuild.ts';
import { millis } from './resources.ts';

/** Gives up what is older than its subscription's retention, and finds what only retention kept. */
export function expireByAge(broker: Broker): void {
  const now = broker.now();
  for (const { backlog, retentionMs } of broker.subscriptions.values()) {
    for (const pending of backlog.pendings.values()) {
      if (pending.segment.publishedMs + retentionMs > now) {
        break;
      }
      backlog.drop(pending);
    }
  }
  for (const snapshot of broker.snapshots.values()) {
    if (millis(snapshot.config.expireTime, 0) <= now) {
      deleteSnapshot(broker, snapshot);
    }
  }
  broker.archive.findExpired(now);
  if (broker.archive.hasUnneeded) {
    broker.wake();
  }
}
