import { runRequested } from '@convergence/contracts';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';

/** A run to execute. The message is held until the run's end was told. */
export const onRunRequested = ({ worker }: Pick<Executor, 'worker'>) =>
  on(runRequested, async (batch) => Promise.all(batch.map((received) => worker.take(received))));
