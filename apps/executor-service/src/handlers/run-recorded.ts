import { runAdmitted, runCompleted, runHeartbeat, runProgress } from '@convergence/contracts';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';

/** For x_meta_pipeline_runs: acked when the row is written. A heartbeat says nothing about how a run stands. */
export const recordAdmitted = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runAdmitted, (batch) => recorder.record(batch.map(({ data }) => ({ kind: 'requested', data }))));
export const recordProgress = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runProgress, (batch) =>
    recorder.record(batch.flatMap(({ data: message }) => message.reports.map((data) => ({ kind: 'progress', data })))),
  );
export const recordCompleted = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runCompleted, (batch) => recorder.record(batch.map(({ data }) => ({ kind: 'completed', data }))));
export const ignoreHeartbeat = () => on(runHeartbeat, async () => undefined);
