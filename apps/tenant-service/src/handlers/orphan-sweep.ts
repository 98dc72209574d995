import { orphanSweep } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import { sweepOrphans } from '../sweep-orphans.ts';
import type { Tenants } from '../tenants.ts';

/** The sweeping tick. Of several at once the strictest does the work of all. */
export const orphanSweepHandler = (tools: Pick<Tenants, 'slice' | 'config' | 'runEnds' | 'log'>): EventHandler =>
  on(orphanSweep, async (batch) => {
    await sweepOrphans(tools, Math.min(...batch.map(({ data }) => data.older_than_minutes ?? tools.config.orphanMinutes)));
  });
