import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@convergence/ports';

/** Longest that one timer waits; a longer sleep is several. */
const DAY = 86_400_000;

export const systemClock: Clock = {
  now: Date.now,
  async sleep(milliseconds, signal) {
    for (let left = milliseconds; left > 0; left -= DAY)
      await sleep(Math.min(left, DAY), undefined, { ...(signal && { signal }), ref: false });
  },
};
