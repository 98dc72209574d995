import { TICK_ENDPOINTS } from '@convergence/contracts';
import type { Handle } from '../forward.ts';
import { type TickTools, tick } from '../tick.ts';

export const schedulerResetDailyQuotasRoute =
  (tools: TickTools): Handle =>
  async (call) => ({ body: await tick(TICK_ENDPOINTS.quotaReset, {}, call, tools) });
