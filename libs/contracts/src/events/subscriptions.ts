import type { Topic } from './envelope.ts';

/**
 * Every durable subscription, named `{topic}.{consumer}`. A broadcast one is made by each instance for itself
 * (`{topic}.{consumer}.{instance}`, expiring when unused) because every instance must hear every message.
 */
export interface SubscriptionDefinition {
  readonly topic: Topic;
  readonly consumer: string;
  readonly broadcast?: true;
  readonly exactlyOnce?: true;
  readonly ordered?: true;
  readonly ackDeadlineSeconds: number;
  readonly maxDeliveryAttempts: number;
}
const standard = { ackDeadlineSeconds: 60, maxDeliveryAttempts: 10 } as const;

export const SUBSCRIPTIONS = [
  { topic: 'run-requested', consumer: 'executor-service', exactlyOnce: true, ...standard },
  { topic: 'run-admitted', consumer: 'executor-recorder', ...standard },
  { topic: 'run-admitted', consumer: 'executor-index', broadcast: true, ...standard },
  { topic: 'run-progress', consumer: 'tenant-service', ...standard },
  { topic: 'run-progress', consumer: 'executor-recorder', ordered: true, ...standard },
  { topic: 'run-progress', consumer: 'executor-index', broadcast: true, ...standard },
  { topic: 'run-completed', consumer: 'tenant-service', ...standard },
  { topic: 'run-completed', consumer: 'scheduler-service', ...standard },
  { topic: 'run-completed', consumer: 'executor-recorder', ...standard },
  { topic: 'run-completed', consumer: 'executor-index', broadcast: true, ...standard },
  { topic: 'run-cancelled', consumer: 'executor-recorder', ...standard },
  { topic: 'run-cancelled', consumer: 'executor-service', broadcast: true, ...standard },
  { topic: 'tenant-changed', consumer: 'gateway', broadcast: true, ...standard },
  { topic: 'tenant-changed', consumer: 'scheduler-service', ordered: true, ...standard },
  { topic: 'tenant-changed', consumer: 'executor-service', broadcast: true, ...standard },
  { topic: 'schedule-tick', consumer: 'scheduler-service', ...standard },
  { topic: 'queue-tick', consumer: 'scheduler-service', ...standard },
  { topic: 'quota-reset', consumer: 'tenant-service', ...standard },
  { topic: 'orphan-sweep', consumer: 'tenant-service', ...standard },
] as const satisfies readonly SubscriptionDefinition[];

/** Durable ones of earlier versions: with nobody to hear them they would only gather messages. */
export const RETIRED_SUBSCRIPTIONS = ['run-requested.executor-recorder'] as const;

export const subscriptionName = (s: Pick<SubscriptionDefinition, 'topic' | 'consumer'>, instance?: string): string =>
  `${s.topic}.${s.consumer}${instance ? `.${instance}` : ''}`;
