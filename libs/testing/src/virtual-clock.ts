import type { Clock } from '@convergence/ports';

export interface VirtualClock extends Clock {
  /** Moves time on; sleepers whose time has come wake in the order of their time. */
  advance(milliseconds: number): Promise<void>;
  /** How many sleep now. */
  readonly sleepers: number;
}

/** Time that stands still until a test moves it. */
export function virtualClock(start: string | number = '2026-01-15T10:00:00.000Z'): VirtualClock {
  let now = new Date(start).getTime();
  let order = 0;
  const sleeping = new Map<number, { at: number; wake: () => void }>();
  return {
    now: () => now,
    sleep(milliseconds, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const id = ++order;
        const abort = () => {
          sleeping.delete(id);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
        sleeping.set(id, {
          at: now + Math.max(0, milliseconds),
          wake: () => {
            sleeping.delete(id);
            signal?.removeEventListener('abort', abort);
            resolve();
          },
        });
      });
    },
    async advance(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        await new Promise(setImmediate);
        const next = [...sleeping.entries()].filter(([, s]) => s.at <= until).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
        if (!next) break;
        now = Math.max(now, next[1].at);
        next[1].wake();
      }
      now = until;
      await new Promise(setImmediate);
    },
    get sleepers() {
      return sleeping.size;
    },
  };
}
