import { StepFailure } from '@convergence/steps';
import { virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { executeStep } from './step-execution.ts';
import { RunStopped } from './stop.ts';

const step = (more: object = {}) => ({
  id: 's',
  timeoutMinutes: undefined,
  retry: { maxAttempts: 3, backoffSeconds: 10, multiplier: 2 },
  ...more,
});
const slept: number[] = [];
const clock = (): ReturnType<typeof virtualClock> => {
  slept.length = 0;
  const real = virtualClock();
  return Object.assign(Object.create(real) as typeof real, {
    now: () => real.now(),
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  });
};
const tools = (stop = new AbortController()) => ({ clock: clock(), random: () => 1, stop: stop.signal });
const transient = (retryAfterSeconds?: number) =>
  new StepFailure('rate_limit', 'x', 'busy', { transient: true, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) });

describe('one step', () => {
  test('a transient failure is tried again with growing pauses, as often as the template allows', async () => {
    let attempts = 0;
    const result = await executeStep(
      step(),
      async () => {
        attempts++;
        throw transient();
      },
      tools(),
    );
    expect(result).toMatchObject({ status: 'failed', attempts: 3 });
    expect({ attempts, slept }).toEqual({ attempts: 3, slept: [10_000, 20_000] });
  });

  test('a provider that says when to come back is believed', async () => {
    let attempts = 0;
    const result = await executeStep(
      step(),
      async () => {
        if (++attempts === 1) throw transient(90);
        return { rows: 1, outputs: {} };
      },
      tools(),
    );
    expect(result).toMatchObject({ status: 'complete', attempts: 2 });
    expect(slept).toEqual([90_000]);
  });

  test('one that says to come back when the run has no time left ends the step: it says why, which running out of time would not', async () => {
    const own = tools();
    const result = await executeStep(step(), async () => Promise.reject(transient(3600)), { ...own, until: own.clock.now() + 1_800_000 });
    expect(result).toMatchObject({ status: 'failed', attempts: 1, failure: { errorClass: 'rate_limit' } });
    expect(slept).toEqual([]);
  });

  test('what would fail again is not tried again', async () => {
    const result = await executeStep(step(), async () => Promise.reject(new StepFailure('schema', 'x', 'no column')), tools());
    expect(result).toMatchObject({ status: 'failed', attempts: 1, failure: { errorClass: 'schema' } });
  });

  test('an error that nobody foresaw is ours, and says nothing about itself', async () => {
    const result = await executeStep(step(), async () => Promise.reject(new TypeError('cannot read secret of undefined')), tools());
    expect(result).toMatchObject({ status: 'failed', failure: { errorClass: 'internal', message: 'Something went wrong on our side.' } });
  });

  test('a step that takes too long is stopped, even when it does not listen', async () => {
    const result = await executeStep(
      step({ timeoutMinutes: 1, retry: { maxAttempts: 1, backoffSeconds: 0, multiplier: 1 } }),
      () => new Promise(() => undefined),
      tools(),
    );
    expect(result).toMatchObject({ status: 'failed', failure: { errorClass: 'timeout', code: 'step.timeout' } });
  });

  test('when the run is stopped the step ends as stopped, not as failed', async () => {
    const stop = new AbortController();
    const result = executeStep(step(), () => new Promise(() => undefined), { ...tools(stop) });
    stop.abort(new RunStopped('cancelled', 'by me'));
    expect(await result).toMatchObject({ status: 'stopped' });
  });
});
