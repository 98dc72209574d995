/** Seek and snapshots. */
import { randomUUID } from 'node:crypto';
import { GrpcRefusal } from '../grpc/refusal.ts';
import type { Unary } from '../grpc/server.ts';
import type { Broker } from './broker.ts';
import { applyMask, type FieldMask } from './field-mask.ts';
import { alreadyExists, checkName, checkProject, notFound } from './names.ts';
import { page } from './paging.ts';
import { addSnapshot, deleteSnapshot, replaceBacklog } from './rebuild.ts';
import { millis, type Snapshot, type SnapshotConfig, type Subscription, type Timestamp, timestamp } from './resources.ts';
import { countBits, type Pending } from './segment.ts';
import { checkLabels } from './topics.ts';

const WEEK_MS = 7 * 86_400_000;
const HOUR_MS = 3_600_000;

export function snapshotRpcs(broker: Broker): Record<string, Unary> {
  const find = (name: string | undefined): Snapshot => {
    const snapshot = broker.snapshots.get(checkName('snapshots', name));
    if (snapshot === undefined) {
      throw notFound(name ?? '');
    }
    return snapshot;
  };

  return {
    CreateSnapshot: (request: { name?: string; subscription?: string; labels?: Record<string, string> }) => {
      const subscription = broker.subscription(checkName('subscriptions', request.subscription));
      const [, project] = subscription.config.name.split('/');
      const name = checkName('snapshots', request.name || `projects/${project}/snapshots/s-${randomUUID()}`);
      if (broker.snapshots.has(name)) {
        throw alreadyExists(name);
      }
      checkLabels(request.labels);
      const now = broker.now();
      const oldest = subscription.backlog.pendings.values().next().value?.segment.publishedMs ?? now;
      const expires = oldest + WEEK_MS;
      if (expires - now < HOUR_MS) {
        throw new GrpcRefusal(
          'FAILED_PRECONDITION',
          'The snapshot would expire in less than an hour: the backlog of the subscription is too old.',
        );
      }
      const config: SnapshotConfig = {
        name,
        topic: subscription.config.topic,
        expireTime: timestamp(expires),
        labels: request.labels ?? {},
      };
      addSnapshot(broker, subscription, config);
      return config;
    },

    GetSnapshot: (request: { snapshot?: string }) => find(request.snapshot).config,

    ListSnapshots: (request: { project?: string; pageSize?: number; pageToken?: string }) => {
      const prefix = checkProject(request.project);
      const mine = [...broker.snapshots.values()].map((s) => s.config).filter((config) => config.name.startsWith(prefix));
      const { items, nextPageToken } = page(mine, (config) => config.name, request);
      return { snapshots: items, nextPageToken };
    },

    UpdateSnapshot: (request: { snapshot?: Partial<SnapshotConfig> | null; updateMask?: FieldMask }) => {
      const snapshot = find(request.snapshot?.name);
      const config = applyMask(snapshot.config, request.snapshot ?? {}, request.updateMask, ['labels', 'expireTime']);
      checkLabels(config.labels);
      broker.change(() => broker.store.putSnapshot({ id: snapshot.id, topicId: snapshot.topic.id, nextSeq: snapshot.nextSeq, config }));
      snapshot.config = config;
      return config;
    },

    DeleteSnapshot: (request: { snapshot?: string }) => {
      deleteSnapshot(broker, find(request.snapshot));
      return {};
    },

    Seek: (request: { subscription?: string; time?: Timestamp | null; snapshot?: string }) => {
      const subscription = broker.subscription(checkName('subscriptions', request.subscription));
      if (request.snapshot) {
        const snapshot = find(request.snapshot);
        if (snapshot.topic !== subscription.topic) {
          throw new GrpcRefusal('FAILED_PRECONDITION', 'The snapshot and the subscription must be of the same topic.');
        }
        replaceBacklog(broker, subscription, () => afterSnapshot(broker, subscription, snapshot));
      } else if (request.time) {
        const { time } = request;
        replaceBacklog(broker, subscription, () => since(broker, subscription, millis(time, 0)));
      } else {
        throw new GrpcRefusal('INVALID_ARGUMENT', 'One of time and snapshot must be given.');
      }
      return {};
    },
  };
}

/** Every message published at or after the time is unacked, every earlier one acked. Only what is still kept can come back. */
function since(broker: Broker, subscription: Subscription, timeMs: number): Pending[] {
  const reachesBack = subscription.topic.retentionMs > 0;
  const pendings: Pending[] = [];
  for (const segment of subscription.topic.segments.values()) {
    const unacked = subscription.backlog.pendings.get(segment.firstSeq);
    if (segment.publishedMs < timeMs || (segment.firstSeq < subscription.createdSeq && !reachesBack && unacked === undefined)) {
      continue;
    }
    const replayable = subscription.retainAcked || reachesBack;
    const bits = replayable ? broker.bitsFor(subscription, segment) : unacked?.bits;
    const left = bits === undefined ? 0 : countBits(bits);
    if (bits !== undefined && left > 0) {
      pendings.push({ segment, bits: Uint8Array.from(bits), left });
    }
  }
  return pendings;
}

function afterSnapshot(broker: Broker, subscription: Subscription, snapshot: Snapshot): Pending[] {
  const pendings: Pending[] = [];
  for (const segment of subscription.topic.segments.values()) {
    const bits =
      segment.firstSeq >= snapshot.nextSeq ? broker.bitsFor(subscription, segment) : snapshot.pendings.get(segment.firstSeq)?.bits;
    const left = bits === undefined ? 0 : countBits(bits);
    if (bits !== undefined && left > 0) {
      pendings.push({ segment, bits: Uint8Array.from(bits), left });
    }
  }
  return pendings;
}
