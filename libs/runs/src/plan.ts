/**
 * What a run does next: the order of steps, decided from how those before ended. Pure; knows nothing of what steps do.
 *
 * 1. A step starts when all it depends on have ended and its `when` holds: succeeded = all of them passed, failed = at least
 *    one failed, finished = whatever happened. 2. A step that was switched off counts as passed, and so does one that waited for a
 *    failure when there was none. 3. A step that could not run because one before it failed counts as failed for those after it, so
 *    that `when: failed` at the end of a chain hears of it.
 * 4. A failure with on_failure `stop` lets no further `succeeded` step start, on other branches neither; what is running goes on.
 *    One with `continue` counts as passed for `succeeded`, as failed for `failed`, and does not fail the run.
 * 5. The run fails when a step with `stop` failed. 6. A stopping run (cancelled, timed out) starts nothing more.
 */
export type StepState = 'waiting' | 'running' | 'complete' | 'failed' | 'skipped' | 'upstream_failed' | 'disabled' | 'cancelled';

export interface PlannedStep {
  readonly id: string;
  readonly dependsOn: readonly string[];
  readonly when: 'succeeded' | 'failed' | 'finished';
  readonly onFailure: 'stop' | 'continue';
}
export type StepStates = ReadonlyMap<string, StepState>;

export interface NextMove {
  readonly start: readonly string[];
  /** Steps that will never run, with the state they end in. */
  readonly skip: readonly { readonly id: string; readonly state: 'skipped' | 'upstream_failed' }[];
  /** Set when nothing is left to do. */
  readonly outcome: 'complete' | 'failed' | undefined;
}

export function nextMove(steps: readonly PlannedStep[], states: StepStates, maxParallel: number): NextMove {
  const now = new Map(states);
  const skip: { id: string; state: 'skipped' | 'upstream_failed' }[] = [];
  const ready: string[] = [];
  const stopped = steps.some((step) => now.get(step.id) === 'failed' && step.onFailure === 'stop');
  const forgiving = new Set(steps.filter((step) => step.onFailure === 'continue').map((step) => step.id));
  const ended = (id: string) => !['waiting', 'running'].includes(now.get(id) ?? 'waiting');
  const passed = (id: string) =>
    ['complete', 'disabled', 'skipped'].includes(now.get(id) ?? '') || (now.get(id) === 'failed' && forgiving.has(id));
  const failed = (id: string) => ['failed', 'upstream_failed'].includes(now.get(id) ?? '');

  for (let changed = true; changed; ) {
    changed = false;
    for (const step of steps) {
      if ((now.get(step.id) ?? 'waiting') !== 'waiting' || ready.includes(step.id) || !step.dependsOn.every(ended)) continue;
      const holds =
        step.when === 'finished' ||
        (step.when === 'succeeded' && step.dependsOn.every(passed) && !stopped) ||
        (step.when === 'failed' && step.dependsOn.some(failed));
      if (holds) ready.push(step.id);
      else {
        const state = step.when === 'succeeded' && (stopped || step.dependsOn.some(failed)) ? 'upstream_failed' : 'skipped';
        now.set(step.id, state);
        skip.push({ id: step.id, state });
      }
      changed = true;
    }
  }
  const running = [...now.values()].filter((state) => state === 'running').length;
  const done = running === 0 && ready.length === 0 && steps.every((step) => ended(step.id));
  return {
    start: ready.slice(0, Math.max(0, maxParallel - running)),
    skip,
    outcome: done ? (stopped ? 'failed' : 'complete') : undefined,
  };
}

/** A retry from where a run failed takes over the steps that completed; one from a named step redoes that step and all after it. */
export function takenOver(steps: readonly PlannedStep[], completed: ReadonlySet<string>, from: string): ReadonlySet<string> {
  if (from === 'start') return new Set();
  const redo = new Set(
    steps.filter((step) => step.id === from || (!completed.has(step.id) && step.when !== 'failed')).map((step) => step.id),
  );
  for (let grown = true; grown; ) {
    grown = false;
    for (const step of steps) {
      if (redo.has(step.id) || !step.dependsOn.some((id) => redo.has(id))) continue;
      redo.add(step.id);
      grown = true;
    }
  }
  return new Set(steps.map((step) => step.id).filter((id) => !redo.has(id)));
}
