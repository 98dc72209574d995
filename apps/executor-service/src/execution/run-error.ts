import type { RunError } from '@convergence/contracts';
import { StepFailure } from '@convergence/steps';
import type { Requested } from './announcer.ts';
import type { RunStopped } from './stop.ts';

/** Why a run failed, in the words that its row, its events and its notification carry. */
export const runError = (failure: StepFailure, step: string | null): RunError => ({
  code: failure.code,
  class: failure.errorClass,
  message: failure.message,
  hint: failure.hint,
  step,
});

/** The same once nothing more is tried: a hint must not promise what will not happen. */
export function givenUp(failure: StepFailure, step: string, attempts: number): RunError {
  const error = runError(failure, step);
  const tried = `was tried ${attempts === 1 ? 'once' : `${attempts} times`}: retry the run later (a schedule does so by itself)`;
  return { ...error, hint: error.hint?.replace(/\bis tried again by itself\b/, tried) ?? null };
}

/** `underWay`: the steps that it cut off. */
export function stoppedError(stopped: RunStopped, underWay: readonly string[]): RunError {
  const { kind, message } = stopped;
  if (kind === 'cancelled') return { code: 'run.cancelled', class: 'cancelled', message, hint: null, step: null };
  return {
    code: 'run.timeout',
    class: 'timeout',
    message: underWay.length === 0 ? message : `${message} Under way: ${underWay.join(', ')}.`,
    hint: 'Give it more time in the template (timeout_minutes), or smaller units.',
    step: underWay[0] ?? null,
  };
}

export const noTemplate = (run: Requested): StepFailure =>
  new StepFailure(
    'schema',
    'template.not_found',
    `The template configs/${run.provider}/${run.domain}/${run.template}.yml is gone or no longer valid.`,
    {
      hint: 'Put it back, or choose another template.',
    },
  );
