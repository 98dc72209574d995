import { runAdmitted, runCompleted, runProgress } from '@convergence/contracts';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';
import type { Heard } from '../record/recorder.ts';

/** For this instance's memory of runs, and for who watches them. */
function hear({ index, live }: Pick<Executor, 'index' | 'live'>, heard: Heard): void {
  const record = index.hear(heard);
  if (record) live.hear(heard, record);
}
type Parts = Pick<Executor, 'index' | 'live'>;
export const indexAdmitted = (parts: Parts) =>
  on(runAdmitted, async (batch) => {
    for (const { data } of batch) hear(parts, { kind: 'requested', data });
  });
export const indexProgress = (parts: Parts) =>
  on(runProgress, async (batch) => {
    for (const { data: message } of batch) for (const data of message.reports) hear(parts, { kind: 'progress', data });
  });
export const indexCompleted = (parts: Parts) =>
  on(runCompleted, async (batch) => {
    for (const { data } of batch) hear(parts, { kind: 'completed', data });
  });
