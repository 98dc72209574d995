import { CleanupAnswer, ResetQuotasAnswer, TICK_ENDPOINTS } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import { resetQuotas } from '../reset-quotas.ts';
import { sweepOrphans } from '../sweep-orphans.ts';
import type { Tenants } from '../tenants.ts';
import { asked } from '../tenants-slice.ts';

/** The ticks asked for over HTTP: the same work as their events, with figures for the caller, who stands in the audit trail. */
export const quotaResetRoute = (tools: Pick<Tenants, 'slice' | 'warehouse' | 'config' | 'clock' | 'log'>) =>
  internalRoute(
    {
      method: 'POST',
      path: TICK_ENDPOINTS.quotaReset.path,
      callers: ['gateway'],
      body: TICK_ENDPOINTS.quotaReset.event.data,
      response: ResetQuotasAnswer,
    },
    async (call) => ({ body: await resetQuotas(tools, asked(call)) }),
  );

export const orphanSweepRoute = (tools: Pick<Tenants, 'slice' | 'config' | 'runEnds' | 'log'>) =>
  internalRoute(
    {
      method: 'POST',
      path: TICK_ENDPOINTS.orphanSweep.path,
      callers: ['gateway'],
      body: TICK_ENDPOINTS.orphanSweep.event.data,
      response: CleanupAnswer,
    },
    async (call) => ({ body: await sweepOrphans(tools, call.body.older_than_minutes, asked(call)) }),
  );
