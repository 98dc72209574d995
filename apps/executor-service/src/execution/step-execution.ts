/**
 * One step: its attempts, each within its time, with backoff between those that may help.
 *
 * 1. Only a transient failure is tried again, at most `max_attempts` times and while the run has time. 2. A provider that says when to come back is believed.
 * 3. When the run is stopped the step ends with that reason, not as a failure of its own.
 */

import type { StepSpec } from '@convergence/pipelines';
import type { Clock } from '@convergence/ports';
import { backoffMs } from '@convergence/runs';
import { asFailure, StepFailure, type StepOutcome } from '@convergence/steps';

export interface Attempt {
  readonly number: number;
  readonly signal: AbortSignal;
}
export type StepResult =
  | { readonly status: 'complete'; readonly outcome: StepOutcome; readonly attempts: number }
  | { readonly status: 'failed'; readonly failure: StepFailure; readonly attempts: number }
  | { readonly status: 'stopped'; readonly attempts: number };

export async function executeStep(
  step: Pick<StepSpec, 'id' | 'retry' | 'timeoutMinutes'>,
  attempt: (attempt: Attempt) => Promise<StepOutcome>,
  tools: {
    readonly clock: Clock;
    readonly random: () => number;
    readonly stop: AbortSignal;
    /** Milliseconds since 1970: what would have to wait longer ends with what it waits for, not as out of time. */
    readonly until?: number;
    readonly onRetry?: (failure: StepFailure, number: number) => void;
  },
): Promise<StepResult> {
  for (let number = 1; ; number++) {
    const failure = await once(step, attempt, number, tools);
    if (!(failure instanceof StepFailure)) return { status: 'complete', outcome: failure, attempts: number };
    if (tools.stop.aborted) return { status: 'stopped', attempts: number };
    const wait = Math.max(backoffMs(step.retry, number, tools.random()), (failure.retryAfterSeconds ?? 0) * 1000);
    const tooLate = tools.clock.now() + wait >= (tools.until ?? Number.POSITIVE_INFINITY);
    if (!failure.transient || number >= step.retry.maxAttempts || tooLate) return { status: 'failed', failure, attempts: number };
    tools.onRetry?.(failure, number);
    try {
      await tools.clock.sleep(wait, tools.stop);
    } catch {
      return { status: 'stopped', attempts: number };
    }
  }
}

/** A reason, so that the signal makes no error of its own for what is none. */
const DONE = 'done';

const tookTooLong = (step: Pick<StepSpec, 'id' | 'timeoutMinutes'>): StepFailure =>
  new StepFailure('timeout', 'step.timeout', `Step ${step.id} took longer than ${step.timeoutMinutes} minutes.`, {
    hint: 'Give it more time in the template (timeout_minutes), or smaller units.',
    transient: true,
  });

async function once(
  step: Pick<StepSpec, 'id' | 'timeoutMinutes'>,
  attempt: (attempt: Attempt) => Promise<StepOutcome>,
  number: number,
  { clock, stop }: { clock: Clock; stop: AbortSignal },
): Promise<StepOutcome | StepFailure> {
  const late = new AbortController();
  const done = new AbortController();
  const signal = AbortSignal.any([stop, late.signal]);
  if (step.timeoutMinutes !== undefined) {
    clock.sleep(step.timeoutMinutes * 60_000, done.signal).then(
      () => late.abort(tookTooLong(step)),
      () => undefined,
    );
  }
  // A step that does not listen is left behind; its result no longer counts.
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  const work = (async () => attempt({ number, signal }))();
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } catch (error) {
    return asFailure(late.signal.aborted ? late.signal.reason : error);
  } finally {
    work.catch(() => undefined);
    aborted.catch(() => undefined);
    done.abort(DONE);
  }
}
