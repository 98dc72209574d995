import { Refusal, runAdmitted, runCancelled, runCompleted, runHeartbeat, runProgress } from '@convergence/contracts';
import type { Settlement } from '@convergence/ports';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';
import type { Recorded, Recorder } from '../record/recorder.ts';

/** For x_meta_pipeline_runs: acked when the row is written. A heartbeat says nothing about how a run stands. */
export const recordAdmitted = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runAdmitted, (batch) =>
    record(
      recorder,
      batch.map(({ data }) => [{ kind: 'requested', data }]),
    ),
  );
export const recordProgress = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runProgress, (batch) =>
    record(
      recorder,
      batch.map(({ data: message }) => message.reports.map((data) => ({ kind: 'progress', data }))),
    ),
  );
export const recordCompleted = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runCompleted, (batch) =>
    record(
      recorder,
      batch.map(({ data }) => [{ kind: 'completed', data }]),
    ),
  );
export const recordCancelled = ({ recorder }: Pick<Executor, 'recorder'>) =>
  on(runCancelled, (batch) =>
    record(
      recorder,
      batch.map(({ data }) =>
        data.admitted_at === undefined ? [] : [{ kind: 'cancelled', data: { ...data, admitted_at: data.admitted_at } }],
      ),
    ),
  );
export const ignoreHeartbeat = () => on(runHeartbeat, async () => undefined);

/** Each message by itself: one whose row is refused is quarantined, and the others need not be handled again to find it. */
async function record(recorder: Recorder, messages: readonly (readonly Recorded[])[]): Promise<readonly Settlement[]> {
  const outcomes = await Promise.allSettled(messages.map((heard) => recorder.record(heard)));
  return outcomes.map((outcome): Settlement => {
    if (outcome.status === 'fulfilled') return { outcome: 'done' };
    const { reason } = outcome;
    if (!(reason instanceof Refusal)) throw reason;
    return { outcome: 'quarantine', reason: reason.message };
  });
}
