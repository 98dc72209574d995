/** Whether the published limits and latencies are simulated (`LOCAL_CLOUD_LIMITS=on`), and the latencies themselves. */
import type { Clock } from './clock.ts';

export interface Limits {
  /** Read it at every decision: the control endpoint may switch it. */
  readonly on: boolean;
  /** Waits a time between the two (virtual milliseconds) when limits are on; otherwise returns at once. */
  latency(fromMs: number, toMs: number): Promise<void>;
  switch(on: boolean): void;
}

export function createLimits(clock: Clock, initially: boolean, random: () => number = Math.random): Limits {
  let on = initially;
  return {
    get on() {
      return on;
    },
    latency: (fromMs, toMs) => (on ? clock.sleep(fromMs + random() * (toMs - fromMs)) : Promise.resolve()),
    switch(next) {
      on = next;
    },
  };
}
