import { runCancelled } from '@convergence/contracts';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';

/** Every instance hears it: whoever has the run in hand stops it. */
export const onRunCancelled = ({ worker, index }: Pick<Executor, 'worker' | 'index'>) =>
  on(runCancelled, async (batch) => {
    for (const { data } of batch) {
      worker.cancel(data.run_id, data.reason);
      const record = index.get(data.run_id);
      if (record) record.cancel_reason ??= data.reason;
    }
  });
