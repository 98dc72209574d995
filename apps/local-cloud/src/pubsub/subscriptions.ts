/** The Subscriber RPCs that manage subscriptions. */
import { GrpcRefusal } from '../grpc/refusal.ts';
import type { Unary } from '../grpc/server.ts';
import type { Broker } from './broker.ts';
import { applyMask, type FieldMask } from './field-mask.ts';
import { BadFilter, compileFilter } from './filter.ts';
import { alreadyExists, checkName, checkProject } from './names.ts';
import { page } from './paging.ts';
import { replaceBacklog } from './rebuild.ts';
import { type Duration, millis, type Subscription, type SubscriptionConfig } from './resources.ts';
import { checkLabels, checkRetention } from './topics.ts';

const DAY = 86_400;
const MUTABLE = [
  'ackDeadlineSeconds',
  'retainAckedMessages',
  'messageRetentionDuration',
  'labels',
  'expirationPolicy',
  'deadLetterPolicy',
  'retryPolicy',
  'enableExactlyOnceDelivery',
  'pushConfig',
];
const UNSUPPORTED = ['bigqueryConfig', 'cloudStorageConfig', 'bigtableConfig', 'messageTransforms'];

export function subscriptionRpcs(broker: Broker): Record<string, Unary> {
  /** What clients see: the topic's own retention is shown with the subscription. */
  const seen = ({ config, topic }: Subscription): unknown => ({
    ...config,
    ...(topic.config.messageRetentionDuration && !topic.deleted
      ? { topicMessageRetentionDuration: topic.config.messageRetentionDuration }
      : {}),
    state: 'ACTIVE',
  });

  return {
    CreateSubscription: (request: Partial<SubscriptionConfig>) => {
      const name = checkName('subscriptions', request.name);
      const topicName = checkName('topics', request.topic);
      if (broker.subscriptions.has(name)) {
        throw alreadyExists(name);
      }
      const topic = broker.topic(topicName);
      const config = complete({ ...request, name, topic: topicName });
      check(config);
      return seen(
        broker.change(() => {
          const stored = { id: broker.store.newId(), createdSeq: broker.nextSeq, config };
          broker.store.putSubscription({ ...stored, topicId: topic.id });
          return broker.addSubscription(stored, topic);
        }),
      );
    },

    GetSubscription: (request: { subscription?: string }) => seen(broker.subscription(checkName('subscriptions', request.subscription))),

    UpdateSubscription: (request: { subscription?: Partial<SubscriptionConfig> | null; updateMask?: FieldMask }) => {
      const subscription = broker.subscription(checkName('subscriptions', request.subscription?.name));
      const config = complete(
        applyMask<Partial<SubscriptionConfig>>(subscription.config, request.subscription ?? {}, request.updateMask, MUTABLE),
      );
      check(config);
      broker.change(() => broker.store.putSubscription({ ...subscription, config, topicId: subscription.topic.id }));
      broker.reconfigure(subscription, config);
      return seen(subscription);
    },

    ListSubscriptions: (request: { project?: string; pageSize?: number; pageToken?: string }) => {
      const prefix = checkProject(request.project);
      const mine = [...broker.subscriptions.values()].filter((s) => s.config.name.startsWith(prefix));
      const { items, nextPageToken } = page(mine, (s) => s.config.name, request);
      return { subscriptions: items.map(seen), nextPageToken };
    },

    DeleteSubscription: (request: { subscription?: string }) => {
      const subscription = broker.subscription(checkName('subscriptions', request.subscription));
      replaceBacklog(broker, subscription, () => []);
      broker.change(() => broker.store.deleteSubscription(subscription.id));
      broker.subscriptions.delete(subscription.config.name);
      subscription.topic.subscriptions.delete(subscription);
      for (const receiver of [...subscription.receivers]) {
        receiver.end('deleted');
      }
      return {};
    },

    ModifyPushConfig: (request: { subscription?: string; pushConfig?: { pushEndpoint?: string } | null }) => {
      broker.subscription(checkName('subscriptions', request.subscription));
      checkPush(request.pushConfig);
      return {};
    },
  };
}

function complete(config: Partial<SubscriptionConfig>): SubscriptionConfig {
  const deadLetter = config.deadLetterPolicy;
  const retry = config.retryPolicy;
  return {
    ...config,
    name: config.name!,
    topic: config.topic!,
    ackDeadlineSeconds: config.ackDeadlineSeconds || 10,
    messageRetentionDuration: config.messageRetentionDuration ?? { seconds: 7 * DAY },
    expirationPolicy: config.expirationPolicy ?? { ttl: { seconds: 31 * DAY } },
    ...(deadLetter ? { deadLetterPolicy: { ...deadLetter, maxDeliveryAttempts: deadLetter.maxDeliveryAttempts || 5 } } : {}),
    ...(retry
      ? {
          retryPolicy: {
            minimumBackoff: retry.minimumBackoff ?? { seconds: 10 },
            maximumBackoff: retry.maximumBackoff ?? { seconds: 600 },
          },
        }
      : {}),
  };
}

function check(config: SubscriptionConfig): void {
  const refuse = (text: string): never => {
    throw new GrpcRefusal('INVALID_ARGUMENT', text);
  };
  for (const field of UNSUPPORTED) {
    if (config[field] !== undefined && config[field] !== null && !(Array.isArray(config[field]) && config[field].length === 0)) {
      throw new GrpcRefusal('UNIMPLEMENTED', `Subscription.${field} is not part of local-cloud.`);
    }
  }
  checkPush(config.pushConfig as { pushEndpoint?: string } | undefined);
  if (config.ackDeadlineSeconds < 10 || config.ackDeadlineSeconds > 600) {
    refuse(`Invalid ack deadline given (ack_deadline=${config.ackDeadlineSeconds}). The ack deadline must be between 10 and 600 seconds.`);
  }
  checkRetention(config.messageRetentionDuration, 10 * 60, 31 * DAY);
  checkLabels(config.labels);
  checkBackoff(config.retryPolicy, refuse);
  checkDeadLetter(config.deadLetterPolicy, refuse);
  const ttl = config.expirationPolicy?.ttl;
  if (ttl && (ttl.seconds ?? 0) < DAY) {
    refuse('Invalid expiration policy given: the ttl must be at least 1 day.');
  }
  if (config.filter) {
    if (Buffer.byteLength(config.filter) > 256) {
      refuse('The filter in the request is too long: at most 256 bytes are allowed.');
    }
    try {
      compileFilter(config.filter);
    } catch (error) {
      if (error instanceof BadFilter) {
        refuse(`Invalid filter expression provided: ${error.message}.`);
      }
      throw error;
    }
  }
}

function checkBackoff(policy: SubscriptionConfig['retryPolicy'], refuse: (text: string) => never): void {
  if (!policy) {
    return;
  }
  const inRange = (duration: Duration | null | undefined): boolean => {
    const ms = millis(duration, 10);
    return ms >= 0 && ms <= 600_000;
  };
  if (!inRange(policy.minimumBackoff) || !inRange(policy.maximumBackoff)) {
    refuse('Invalid retry policy given: the backoff must be between 0 and 600 seconds.');
  }
  if (millis(policy.minimumBackoff, 10) > millis(policy.maximumBackoff, 600)) {
    refuse('Invalid retry policy given: the minimum backoff must not be greater than the maximum backoff.');
  }
}

function checkDeadLetter(policy: SubscriptionConfig['deadLetterPolicy'], refuse: (text: string) => never): void {
  if (!policy) {
    return;
  }
  checkName('topics', policy.deadLetterTopic);
  const attempts = policy.maxDeliveryAttempts || 5;
  if (attempts < 5 || attempts > 100) {
    refuse(`Invalid dead letter policy given (max_delivery_attempts=${attempts}). It must be between 5 and 100.`);
  }
}

function checkPush(push: { pushEndpoint?: string } | null | undefined): void {
  if (push?.pushEndpoint) {
    throw new GrpcRefusal('UNIMPLEMENTED', 'Subscription.push_config is not part of local-cloud.');
  }
}
