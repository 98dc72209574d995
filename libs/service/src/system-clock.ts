import type { Clock } from '@convergence/ports';

/** Longest that one timer waits; a longer sleep is several. */
const DAY = 86_400_000;

export const systemClock: Clock = {
  now: Date.now,
  async sleep(milliseconds, signal) {
    for (let left = milliseconds; left > 0; left -= DAY) await wait(Math.min(left, DAY), signal);
  },
};

/** Not the one of timers/promises: that makes an error with its stack for each sleep that is no longer needed, and it rejects with it. */
function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    timer.unref();
    signal?.addEventListener('abort', stop, { once: true });
  });
}
