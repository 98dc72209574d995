import { runCancelled } from '@convergence/contracts';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';

/** Every instance hears it: whoever has the run in hand stops it. */
export const onRunCancelled = ({ worker }: Pick<Executor, 'worker'>) =>
  on(runCancelled, async (batch) => {
    for (const { data } of batch) worker.cancel(data.run_id, data.reason);
  });
