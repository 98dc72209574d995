import { runCompleted } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { ITSELF } from '../tenants-slice.ts';

/** A run ended: its reservation is settled or refunded, once, however often it is said. */
export const runCompletedHandler = ({ slice, runEnds }: Pick<Tenants, 'slice' | 'runEnds'>): EventHandler =>
  on(runCompleted, async (batch) => {
    const commands = batch.map(({ data }) => ({
      kind: 'end-run' as const,
      run_id: data.run_id,
      status: data.status as 'COMPLETE' | 'FAILED' | 'CANCELLED',
      did_work: data.did_work,
      ended_at: data.ended_at,
    }));
    await slice.executeMany(commands, { actor: ITSELF });
    for (const { data } of batch) runEnds.tell(data.run_id);
  });
