/**
 * Publishes what durable events say, in their order.
 *
 * 1. Nothing is published before its event is durable. 2. A message is published again until the broker has it, before any later one.
 * 3. What an earlier owner left unpublished may be more than memory should hold: it is read again while it is published.
 * 4. `published` is the highest sequence such that nothing up to it waits: a successor goes on from there.
 */
import type { Bus, Clock, OutgoingMessage } from '@convergence/ports';

/** What an event has to say. */
export interface Said {
  readonly sequence: number;
  readonly at: string;
  readonly messages: readonly OutgoingMessage[];
}

export interface Outbox {
  /** Call in the order of sequences, when durable. */
  add(sequence: number, at: string, messages: readonly OutgoingMessage[]): void;
  /**
   * More than should be held: `read` gives what was said after a sequence, page by page, up to an end. It comes after all that was added
   * before; what is added from now on comes after it.
   */
  follow(after: number, read: (after: number) => AsyncIterable<readonly Said[]>): void;
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
  let queue: Said[] = [];
  /** Added while something is followed. */
  let behind: Said[] = [];
  let following: (() => Promise<readonly Said[] | undefined>) | undefined;
  let published = options.published;
  let publishedAt = options.publishedAt;
  let pumping = false;
  const stopping = new AbortController();

  async function pump(): Promise<void> {
    let failures = 0;
    while ((queue.length > 0 || following) && !stopping.signal.aborted) {
      try {
        if (queue.length === 0) await followOn();
        const chunk = queue.slice(0, CHUNK);
        const messages = chunk.flatMap((said) => said.messages);
        if (messages.length > 0) await bus.publish(messages);
        if (stopping.signal.aborted) break;
        failures = 0;
        queue = queue.slice(chunk.length);
        const last = chunk.at(-1);
        if (last) ({ sequence: published, at: publishedAt } = last);
        await options.onPublished?.();
      } catch (cause) {
        options.onFailure(cause);
        failures += 1;
        await clock.sleep(Math.min(5_000, 50 * 2 ** failures), stopping.signal).catch(() => undefined);
      }
    }
    pumping = false;
  }

  async function followOn(): Promise<void> {
    const page = await following?.();
    if (page) {
      queue = [...page];
      return;
    }
    following = undefined;
    queue = behind;
    behind = [];
  }

  function start(): void {
    if (pumping) return;
    pumping = true;
    queueMicrotask(() => void pump());
  }

  return {
    add(sequence, at, messages) {
      if (following) {
        behind.push({ sequence, at, messages });
        return;
      }
      if (messages.length === 0) {
        if (queue.length === 0) {
          published = sequence;
          publishedAt = at;
        }
        return;
      }
      queue.push({ sequence, at, messages });
      start();
    },
    follow(after, read) {
      let last = after;
      let pages: AsyncIterator<readonly Said[]> | undefined;
      following = async () => {
        pages ??= read(last)[Symbol.asyncIterator]();
        try {
          const { done, value } = await pages.next();
          if (done) return undefined;
          last = value.at(-1)?.sequence ?? last;
          return value;
        } catch (cause) {
          // It goes on where it stood.
          pages = undefined;
          throw cause;
        }
      };
      start();
    },
    get published() {
      return published;
    },
    get publishedAt() {
      return publishedAt;
    },
    get waiting() {
      return queue.length + behind.length + (following ? 1 : 0);
    },
    stop: () => stopping.abort(),
  };
}
