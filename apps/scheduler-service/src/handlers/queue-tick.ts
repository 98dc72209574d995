import { queueTick } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';

/** The safety net of the queue: dispatch goes on by itself whenever something changes. */
export const queueTickHandler = ({ dispatcher }: Pick<Scheduler, 'dispatcher'>): EventHandler =>
  on(queueTick, async (batch) => {
    await dispatcher.process(Math.max(...batch.map(({ data }) => data.max ?? 100)));
  });
