/**
 * The clock every simulated limit and latency goes by. A factor of 10 makes ten virtual seconds pass in a real one,
 * for all products evenly. Time never runs backwards: changing the factor keeps the virtual time reached so far.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Virtual milliseconds since 1970. */
  now(): number;
  /** Waits that many virtual milliseconds. */
  sleep(virtualMs: number): Promise<void>;
  /** The real milliseconds that this many virtual ones take. */
  real(virtualMs: number): number;
  readonly factor: number;
  setFactor(factor: number): void;
}

export function createClock(wall: () => number = Date.now): Clock {
  let factor = 1;
  let base = wall();
  let virtualBase = base;
  const now = (): number => virtualBase + (wall() - base) * factor;
  return {
    now,
    sleep: (virtualMs) => sleep(virtualMs / factor),
    real: (virtualMs) => virtualMs / factor,
    get factor() {
      return factor;
    },
    setFactor(next) {
      virtualBase = now();
      base = wall();
      factor = next;
    },
  };
}
