/** The Publisher RPCs that manage topics. */
import { GrpcRefusal } from '../grpc/refusal.ts';
import type { Unary } from '../grpc/server.ts';
import type { Broker } from './broker.ts';
import { applyMask, type FieldMask } from './field-mask.ts';
import { alreadyExists, checkName, checkProject } from './names.ts';
import { page } from './paging.ts';
import { replaceBacklog } from './rebuild.ts';
import { type Duration, millis, type TopicConfig } from './resources.ts';

const MUTABLE = ['labels', 'messageRetentionDuration', 'messageStoragePolicy', 'kmsKeyName', 'tags'];
/** Accepted by Google, without meaning here: better refused than silently ignored. */
const UNSUPPORTED = ['schemaSettings', 'ingestionDataSourceSettings', 'messageTransforms'];
const DAY = 86_400;

interface Paged {
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export function topicRpcs(broker: Broker): Record<string, Unary> {
  return {
    CreateTopic: async (request: TopicConfig) => {
      const name = checkName('topics', request.name);
      if (broker.topics.has(name)) {
        throw alreadyExists(name);
      }
      checkTopic(request);
      const config: TopicConfig = { ...request, state: 'ACTIVE' };
      broker.change(() => {
        const id = broker.store.newId();
        broker.store.putTopic({ id, config });
        broker.addTopic(id, config);
      });
      return config;
    },

    GetTopic: (request: { topic?: string }) => broker.topic(checkName('topics', request.topic)).config,

    UpdateTopic: (request: { topic?: TopicConfig | null; updateMask?: FieldMask }) => {
      const topic = broker.topic(checkName('topics', request.topic?.name));
      const config = applyMask(topic.config, request.topic ?? {}, request.updateMask, MUTABLE);
      checkTopic(config);
      broker.change(() => broker.store.putTopic({ id: topic.id, config }));
      topic.config = config;
      topic.retentionMs = millis(config.messageRetentionDuration, 0);
      return config;
    },

    ListTopics: (request: Paged & { project?: string }) => {
      const prefix = checkProject(request.project);
      const mine = [...broker.topics.values()].map((topic) => topic.config).filter((config) => config.name.startsWith(prefix));
      const { items, nextPageToken } = page(mine, (config) => config.name, request);
      return { topics: items, nextPageToken };
    },

    ListTopicSubscriptions: (request: Paged & { topic?: string }) => {
      const topic = broker.topic(checkName('topics', request.topic));
      const names = [...topic.subscriptions].filter((s) => !s.config.detached).map((s) => s.config.name);
      const { items, nextPageToken } = page(names, (name) => name, request);
      return { subscriptions: items, nextPageToken };
    },

    ListTopicSnapshots: (request: Paged & { topic?: string }) => {
      const topic = broker.topic(checkName('topics', request.topic));
      const names = [...broker.snapshots.values()].filter((s) => s.topic === topic).map((s) => s.config.name);
      const { items, nextPageToken } = page(names, (name) => name, request);
      return { snapshots: items, nextPageToken };
    },

    DeleteTopic: (request: { topic?: string }) => {
      const topic = broker.topic(checkName('topics', request.topic));
      broker.change(() => {
        broker.store.deleteTopic(topic.id);
        for (const subscription of topic.subscriptions) {
          broker.reconfigure(subscription, { ...subscription.config, topic: '_deleted-topic_' });
          broker.store.putSubscription({ ...subscription, topicId: topic.id });
        }
      });
      broker.topics.delete(topic.config.name);
      topic.deleted = true;
      return {};
    },

    DetachSubscription: (request: { subscription?: string }) => {
      const subscription = broker.subscription(checkName('subscriptions', request.subscription));
      replaceBacklog(broker, subscription, () => []);
      broker.reconfigure(subscription, { ...subscription.config, detached: true });
      broker.change(() => broker.store.putSubscription({ ...subscription, topicId: subscription.topic.id }));
      subscription.topic.subscriptions.delete(subscription);
      for (const receiver of [...subscription.receivers]) {
        receiver.end('detached');
      }
      return {};
    },
  };
}

function checkTopic(config: TopicConfig): void {
  for (const field of UNSUPPORTED) {
    if (config[field] !== undefined && config[field] !== null && !(Array.isArray(config[field]) && config[field].length === 0)) {
      throw new GrpcRefusal('UNIMPLEMENTED', `Topic.${field} is not part of local-cloud.`);
    }
  }
  checkRetention(config.messageRetentionDuration, 10 * 60, 31 * DAY);
  checkLabels(config.labels);
}

export function checkRetention(duration: Duration | null | undefined, fromSeconds: number, toSeconds: number): void {
  const seconds = duration?.seconds ?? 0;
  if (duration && (seconds < fromSeconds || seconds > toSeconds)) {
    throw new GrpcRefusal(
      'INVALID_ARGUMENT',
      `Invalid message retention duration given (seconds=${seconds}). It must be between ${fromSeconds} and ${toSeconds} seconds.`,
    );
  }
}

export function checkLabels(labels: Record<string, string> | undefined): void {
  const entries = Object.entries(labels ?? {});
  if (
    entries.length > 64 ||
    entries.some(
      ([key, value]) => !/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key) || !/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(value),
    )
  ) {
    throw new GrpcRefusal(
      'INVALID_ARGUMENT',
      'Invalid labels given: at most 64, keys and values of at most 63 lower-case letters, digits, underscores and dashes.',
    );
  }
}
