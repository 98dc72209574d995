/**
 * Publishes what durable events say, in their order.
 *
 * 1. Nothing is published before its event is durable. 2. A message is published again until the broker has it, before any later one.
 * 3. `published` is the highest sequence such that nothing up to it waits: a successor goes on from there.
 */
import type { Bus, Clock, OutgoingMessage } from '@convergence/ports';

export interface Outbox {
  /** Call in the order of sequences, when durable. */
  add(sequence: number, at: string, messages: readonly OutgoingMessage[]): void;
  readonly published: number;
  readonly publishedAt: string | null;
  readonly waiting: number;
  stop(): void;
}
const CHUNK = 1_000;

export function outbox(options: {
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  readonly published: number;
  readonly publishedAt: string | null;
  onFailure(cause: unknown): void;
  onPublished?: (() => void | Promise<void>) | undefined;
}): Outbox {
  const { bus, clock } = options;
  let queue: { sequence: number; at: string; messages: readonly OutgoingMessage[] }[] = [];
  let published = options.published;
  let publishedAt = options.publishedAt;
  let pumping = false;
  const stopping = new AbortController();

  async function pump(): Promise<void> {
    let failures = 0;
    while (queue.length > 0 && !stopping.signal.aborted) {
      const chunk = queue.slice(0, CHUNK);
      try {
        await bus.publish(chunk.flatMap((item) => item.messages));
        if (stopping.signal.aborted) break;
        failures = 0;
        queue = queue.slice(chunk.length);
        ({ sequence: published, at: publishedAt } = chunk[chunk.length - 1]!);
        await options.onPublished?.();
      } catch (cause) {
        options.onFailure(cause);
        failures += 1;
        await clock.sleep(Math.min(5_000, 50 * 2 ** failures), stopping.signal).catch(() => undefined);
      }
    }
    pumping = false;
  }

  return {
    add(sequence, at, messages) {
      if (messages.length === 0) {
        if (queue.length === 0) {
          published = sequence;
          publishedAt = at;
        }
        return;
      }
      queue.push({ sequence, at, messages });
      if (!pumping) {
        pumping = true;
        queueMicrotask(() => void pump());
      }
    },
    get published() {
      return published;
    },
    get publishedAt() {
      return publishedAt;
    },
    get waiting() {
      return queue.length;
    },
    stop: () => stopping.abort(),
  };
}
