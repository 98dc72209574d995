import { TICK_ENDPOINTS } from '@convergence/contracts';
import type { Handle } from '../forward.ts';
import { type TickTools, tick } from '../tick.ts';

export const schedulerTriggerRoute =
  (tools: TickTools): Handle =>
  async (call) => ({ body: await tick(TICK_ENDPOINTS.schedule, { limit: (call.query.limit as number | undefined) ?? 100 }, call, tools) });
