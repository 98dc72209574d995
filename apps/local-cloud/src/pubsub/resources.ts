/** Topics, subscriptions and snapshots: their configuration as clients see it, and what follows from it. */
import type { Backlog } from './backlog.ts';
import type { Consumer, Delivery, Settings } from './delivery.ts';
import { compileFilter, type Filter } from './filter.ts';
import type { Pending, Segment } from './segment.ts';

export interface Duration {
  readonly seconds?: number;
  readonly nanos?: number;
}
export type Timestamp = Duration;

export interface TopicConfig {
  readonly name: string;
  readonly labels?: Record<string, string>;
  readonly messageRetentionDuration?: Duration | null;
  readonly [field: string]: unknown;
}
export interface SubscriptionConfig {
  readonly name: string;
  readonly topic: string;
  readonly ackDeadlineSeconds: number;
  readonly retainAckedMessages?: boolean;
  readonly messageRetentionDuration: Duration;
  readonly labels?: Record<string, string>;
  readonly enableMessageOrdering?: boolean;
  readonly expirationPolicy?: { readonly ttl?: Duration | null } | null;
  readonly filter?: string;
  readonly deadLetterPolicy?: { readonly deadLetterTopic?: string; readonly maxDeliveryAttempts?: number } | null;
  readonly retryPolicy?: { readonly minimumBackoff?: Duration | null; readonly maximumBackoff?: Duration | null } | null;
  readonly enableExactlyOnceDelivery?: boolean;
  readonly detached?: boolean;
  readonly [field: string]: unknown;
}
export interface SnapshotConfig {
  readonly name: string;
  readonly topic: string;
  readonly expireTime: Timestamp;
  readonly labels?: Record<string, string>;
}

export interface Topic {
  readonly id: number;
  config: TopicConfig;
  /** Its name is free again, its messages live on for the subscriptions it had. */
  deleted: boolean;
  retentionMs: number;
  readonly segments: Map<number, Segment>;
  readonly subscriptions: Set<Subscription>;
  readonly snapshots: Set<Snapshot>;
}

/** A consumer that the broker can hand batches to. */
export interface Receiver extends Consumer {
  readonly batch: number;
  readonly batchBytes: number;
  deliver(batch: readonly Delivery[]): void;
  /** The subscription was deleted, detached or changed so that the stream must end. */
  end(reason: 'deleted' | 'detached'): void;
}

export interface Subscription extends Derived {
  readonly id: number;
  readonly topic: Topic;
  readonly createdSeq: number;
  config: SubscriptionConfig;
  readonly backlog: Backlog;
  /** Served longest ago first. */
  readonly receivers: Set<Receiver>;
  hungry: boolean;
}

export interface Snapshot {
  readonly id: number;
  readonly topic: Topic;
  readonly nextSeq: number;
  config: SnapshotConfig;
  readonly pendings: Map<number, Pending>;
}

/** What a subscription's configuration means for delivery. */
export interface Derived {
  settings: Settings;
  filter: Filter | null;
  retentionMs: number;
  retainAcked: boolean;
  deadLetterTopic: string | null;
}

export function derive(config: SubscriptionConfig): Derived {
  const { retryPolicy, deadLetterPolicy } = config;
  return {
    settings: {
      ordered: config.enableMessageOrdering ?? false,
      exactlyOnce: config.enableExactlyOnceDelivery ?? false,
      retry: retryPolicy ? { minMs: millis(retryPolicy.minimumBackoff, 10), maxMs: millis(retryPolicy.maximumBackoff, 600) } : null,
      maxAttempts: deadLetterPolicy ? deadLetterPolicy.maxDeliveryAttempts || 5 : null,
    },
    filter: config.filter ? compileFilter(config.filter) : null,
    retentionMs: millis(config.messageRetentionDuration, 7 * 86_400),
    retainAcked: config.retainAckedMessages ?? false,
    deadLetterTopic: deadLetterPolicy?.deadLetterTopic ?? null,
  };
}

export function millis(duration: Duration | null | undefined, defaultSeconds: number): number {
  return duration ? (duration.seconds ?? 0) * 1000 + (duration.nanos ?? 0) / 1e6 : defaultSeconds * 1000;
}

export function timestamp(ms: number): Timestamp {
  const whole = Math.floor(ms / 1000);
  return { seconds: whole, nanos: Math.floor(ms - whole * 1000) * 1_000_000 };
}
