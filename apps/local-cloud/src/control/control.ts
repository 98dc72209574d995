/** What every product of local-cloud shares: fault points, simulated limits, counters and the clock. */
import { type Clock, createClock } from './clock.ts';
import { createFaults, type Faults } from './faults.ts';
import { createLimits, type Limits } from './limits.ts';
import { createStats, type Stats } from './stats.ts';

export interface Control {
  readonly faults: Faults;
  readonly limits: Limits;
  readonly stats: Stats;
  readonly clock: Clock;
}

export function createControl(options: { readonly limits?: boolean; readonly random?: () => number } = {}): Control {
  const clock = createClock();
  return {
    clock,
    faults: createFaults(options.random),
    limits: createLimits(clock, options.limits ?? false, options.random),
    stats: createStats(),
  };
}
