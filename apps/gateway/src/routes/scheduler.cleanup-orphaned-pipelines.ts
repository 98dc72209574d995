import { TICK_ENDPOINTS } from '@convergence/contracts';
import type { Handle } from '../forward.ts';
import { type TickTools, tick } from '../tick.ts';

export const schedulerCleanupOrphanedPipelinesRoute =
  (tools: TickTools): Handle =>
  async (call) => {
    const older_than_minutes = (call.query.older_than_minutes as number | undefined) ?? 60;
    return { body: await tick(TICK_ENDPOINTS.orphanSweep, { older_than_minutes }, call, tools) };
  };
