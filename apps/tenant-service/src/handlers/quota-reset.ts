import { quotaReset } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import { resetQuotas } from '../reset-quotas.ts';
import type { Tenants } from '../tenants.ts';

/** The nightly tick. Several at once are one. */
export const quotaResetHandler = (tools: Pick<Tenants, 'slice' | 'warehouse' | 'config' | 'clock' | 'log'>): EventHandler =>
  on(quotaReset, async () => {
    await resetQuotas(tools);
  });
