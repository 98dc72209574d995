/**
 * Publishes in lanes: one per topic and ordering key.
 *
 * 1. What arrives while a request of its lane is under way, or went out a moment ago, goes out together as the next one: who comes alone
 *    never waits, and more load makes larger requests, not more of them.
 * 2. When a request with an ordering key fails, all that waits in its lane fails with it: nothing of the key goes out after a gap.
 *    (The client's own publisher sends the next message of the key as if nothing had happened.)
 * 3. What follows each other and may travel in bundles does; order stays.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Transient } from '@convergence/contracts';
import type { v1 } from '@google-cloud/pubsub';
import { messagesOf, type OutgoingEvent } from './bundle.ts';

export interface Publication extends OutgoingEvent {
  readonly topic: string;
  readonly orderingKey?: string | undefined;
}
interface Waiting extends Publication {
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}
/** Pub/Sub takes 1 000 messages and 10 MB a request. */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 8_000_000;
/** From one request of a lane to the next that is not full. A request costs what some hundred messages do, here and at the broker. */
const MOMENT_MS = 25;
const RETRY = {
  // UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE: sending twice is harmless, consumers are idempotent.
  retryCodes: [2, 4, 8, 10, 13, 14],
  backoffSettings: {
    initialRetryDelayMillis: 50,
    retryDelayMultiplier: 2,
    maxRetryDelayMillis: 1_000,
    initialRpcTimeoutMillis: 5_000,
    rpcTimeoutMultiplier: 1,
    maxRpcTimeoutMillis: 5_000,
    totalTimeoutMillis: 8_000,
  },
};

export function publisher(
  client: Pick<v1.PublisherClient, 'publish'>,
  project: string,
  moment: () => Promise<unknown> = () => sleep(MOMENT_MS),
) {
  const lanes = new Map<string, Waiting[]>();

  async function pump(lane: string, waiting: Waiting[]): Promise<void> {
    while (waiting.length > 0) {
      let bytes = 0;
      let count = 0;
      while (count < waiting.length && count < MAX_MESSAGES && (count === 0 || bytes + size(waiting[count]!) <= MAX_BYTES)) {
        bytes += size(waiting[count++]!);
      }
      const batch = waiting.slice(0, count);
      const full = count < waiting.length;
      const { topic, orderingKey } = batch[0]!;
      const gathering = moment();
      try {
        await client.publish(
          {
            topic: `projects/${project}/topics/${topic}`,
            messages: messagesOf(batch).map(({ data, attributes }) => ({ data, attributes, ...(orderingKey ? { orderingKey } : {}) })),
          },
          { retry: RETRY },
        );
        waiting.splice(0, count);
        for (const message of batch) message.resolve();
      } catch (cause) {
        const failed = waiting.splice(0, orderingKey ? waiting.length : count);
        const error = new Transient(`${topic} takes no messages`, { cause });
        for (const message of failed) message.reject(error);
      }
      if (!full) await gathering;
    }
    lanes.delete(lane);
  }

  return {
    /** Resolves when the broker has all of them; rejects when it may lack one. */
    async publish(publications: readonly Publication[]): Promise<void> {
      const results = publications.map(
        (publication) =>
          new Promise<void>((resolve, reject) => {
            const lane = `${publication.topic}\n${publication.orderingKey ?? ''}`;
            const waiting = lanes.get(lane);
            const entry = { ...publication, resolve, reject };
            if (waiting) {
              waiting.push(entry);
              return;
            }
            const opened = [entry];
            lanes.set(lane, opened);
            // What else is published in this turn belongs to the same request.
            queueMicrotask(() => void pump(lane, opened));
          }),
      );
      const settled = await Promise.allSettled(results);
      for (const result of settled) if (result.status === 'rejected') throw result.reason;
    },
  };
}
const size = (m: Publication): number => m.data.length + 300;
