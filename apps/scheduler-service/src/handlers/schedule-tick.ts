import { scheduleTick } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';

/** The safety net: on a healthy day it finds nothing to do. */
export const scheduleTickHandler = ({ timekeeper, log }: Pick<Scheduler, 'timekeeper' | 'log'>): EventHandler =>
  on(scheduleTick, async (batch) => {
    const limit = Math.max(...batch.map(({ data }) => data.limit ?? Number.POSITIVE_INFINITY));
    const { due, queued, skipped } = await timekeeper.fire(limit);
    log.info({ due, queued, skipped: skipped.length, minute: batch.at(-1)?.data.minute }, 'schedule-tick handled');
  });
