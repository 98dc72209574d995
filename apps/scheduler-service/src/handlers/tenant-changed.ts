import { PLANS, type Plan, tenantChanged } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';

/** A tenant's status or plan is another: its weight follows, and what was held for it is looked at again. */
export const tenantChangedHandler = ({ slice, dispatcher }: Pick<Scheduler, 'slice' | 'dispatcher'>): EventHandler =>
  on(tenantChanged, async (batch) => {
    const latest = new Map(batch.map(({ data }) => [data.tenant_id, data]));
    const commands = [...latest.values()].map((data) => ({
      type: 'note-tenant' as const,
      tenant_id: data.tenant_id,
      status: data.status,
      weight: PLANS[data.plan as Plan]?.weight ?? 1,
    }));
    await slice.executeMany(commands, { actor: { service: 'tenant-service' } });
    dispatcher.poke();
  });
