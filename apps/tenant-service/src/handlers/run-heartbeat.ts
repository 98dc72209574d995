import { runHeartbeat } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { ITSELF } from '../tenants-slice.ts';

/** The leases of all runs that an executor names live on. */
export const runHeartbeatHandler = ({ slice }: Pick<Tenants, 'slice'>): EventHandler =>
  on(runHeartbeat, async (batch) => {
    const commands = batch.map(({ data }) => ({ kind: 'note-heartbeats', run_ids: data.run_ids, at: data.at }) as const);
    await slice.executeMany(commands, { actor: ITSELF });
  });
