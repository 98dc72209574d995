import type { Envelope, Topic } from '@convergence/contracts';

export interface OutgoingMessage {
  readonly topic: Topic;
  readonly event: Envelope;
  readonly orderingKey?: string;
}

/** What the handler says of each message of its batch. */
export type Settlement =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'again'; readonly cause: unknown }
  /** Can never succeed: kept aside with its reason at once, not redelivered. */
  | { readonly outcome: 'quarantine'; readonly reason: string };

export interface IncomingMessage {
  readonly messageId: string;
  readonly topic: Topic;
  readonly subscription: string;
  /** From 1. An estimate: for logs, never for logic. */
  readonly deliveryAttempt: number;
  readonly publishedAt: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** What the body says, where that was read already. */
  readonly data?: unknown;
  /** Aborted when the lease is lost, or the subscriber gives up waiting while it stops. */
  readonly signal: AbortSignal;
}

export interface SubscribeOptions {
  readonly subscription: string;
  /** Messages in hand at most, over all batches. */
  readonly maxMessages: number;
  /** 1 = one message at a time per call. */
  readonly maxBatch: number;
  /** As the subscription was made. */
  readonly exactlyOnce?: boolean;
  /** A message is held this long at most (leases are extended meanwhile). */
  readonly maxMinutes?: number;
  /** Make the subscription for this instance alone, gone when unused: see contracts' broadcast subscriptions. */
  readonly broadcastOf?: Topic;
}

export interface Subscriber {
  /** Stops taking messages, waits for those in hand (at most that long), then lets go of the rest. */
  stop(withinMilliseconds: number): Promise<void>;
  readonly healthy: boolean;
  /** Since when no message could be received, when that is a failure. */
  readonly lastError: string | undefined;
}

export interface DeadLetter {
  readonly id: string;
  readonly topic: Topic;
  readonly reason: string;
  readonly publishedAt: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * 1. publish resolves when the broker has the message durably; on failure nothing of that key is sent after it.
 * 2. A message is settled once; `done` is acked (and confirmed where the subscription is exactly-once) only after the handler said so.
 */
export interface Bus {
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  subscribe(options: SubscribeOptions, handle: (batch: readonly IncomingMessage[]) => Promise<readonly Settlement[]>): Subscriber;
  deadLetters(topic: Topic | undefined, limit: number): Promise<readonly DeadLetter[]>;
  redrive(topic: Topic | undefined, limit: number): Promise<number>;
  /** Can the broker be reached? */
  check(): Promise<void>;
  close(): Promise<void>;
}
