import { describe, expect, test } from '@jest/globals';
import { nextMove, type PlannedStep, type StepState, takenOver } from './plan.ts';

const step = (id: string, dependsOn: string[] = [], more: Partial<PlannedStep> = {}): PlannedStep => ({
  id,
  dependsOn,
  when: 'succeeded',
  onFailure: 'stop',
  ...more,
});
const move = (steps: PlannedStep[], states: Record<string, StepState>, parallel = 10) =>
  nextMove(steps, new Map(Object.entries(states)), parallel);
const chain = [step('extract'), step('normalise', ['extract']), step('check', ['normalise']), step('tell', ['check'], { when: 'failed' })];

describe('what a run does next', () => {
  test('steps without open dependencies start together, as many as may run in parallel', () => {
    const steps = [step('a'), step('b'), step('c'), step('d', ['a'])];
    expect(move(steps, {}).start).toEqual(['a', 'b', 'c']);
    expect(move(steps, {}, 2).start).toEqual(['a', 'b']);
    expect(move(steps, { a: 'complete', b: 'running' }, 2).start).toEqual(['c']);
  });

  test('a step waits for all that it depends on', () => {
    const steps = [step('a'), step('b'), step('c', ['a', 'b'])];
    expect(move(steps, { a: 'complete', b: 'running' })).toEqual({ start: [], skip: [], outcome: undefined });
    expect(move(steps, { a: 'complete', b: 'complete' }).start).toEqual(['c']);
  });

  test('a failure at the start of a chain is told by the step that waits for failures at its end', () => {
    const next = move(chain, { extract: 'failed' });
    expect(next.skip).toEqual([
      { id: 'normalise', state: 'upstream_failed' },
      { id: 'check', state: 'upstream_failed' },
    ]);
    expect(next.start).toEqual(['tell']);
  });

  test('the step that waits for failures is skipped when nothing failed, and the run is complete', () => {
    const next = move(chain, { extract: 'complete', normalise: 'complete', check: 'complete' });
    expect(next).toEqual({ start: [], skip: [{ id: 'tell', state: 'skipped' }], outcome: 'complete' });
  });

  test('what stands behind a step that waits for failures goes on when nothing failed, and a retry does not do it again', () => {
    const steps = [step('a'), step('tell', ['a'], { when: 'failed' }), step('b', ['tell']), step('c', ['b'])];
    expect(move(steps, { a: 'complete' })).toEqual({ start: ['b'], skip: [{ id: 'tell', state: 'skipped' }], outcome: undefined });
    expect(move(steps, { a: 'failed', tell: 'complete' })).toMatchObject({ start: [], outcome: 'failed' });
    expect([...takenOver(steps, new Set(['a', 'b']), 'failed')]).toEqual(['a', 'tell', 'b']);
    expect([...takenOver(steps, new Set(['b']), 'failed')]).toEqual([]);
  });

  test('a failure stops other branches from starting further steps, and the run fails when what runs has ended', () => {
    const steps = [step('a'), step('b'), step('c', ['b']), step('last', ['c'], { when: 'finished' })];
    expect(move(steps, { a: 'failed', b: 'running' })).toEqual({ start: [], skip: [], outcome: undefined });
    expect(move(steps, { a: 'failed', b: 'complete' }).start).toEqual(['last']);
    expect(move(steps, { a: 'failed', b: 'complete', c: 'upstream_failed', last: 'complete' }).outcome).toBe('failed');
  });

  test('a failure with on_failure continue lets the next go on and the run complete', () => {
    const steps = [step('a', [], { onFailure: 'continue' }), step('b', ['a']), step('tell', ['a'], { when: 'failed' })];
    expect(move(steps, { a: 'failed' }).start).toEqual(['b', 'tell']);
    expect(move(steps, { a: 'failed', b: 'complete', tell: 'complete' }).outcome).toBe('complete');
  });

  test('a step that is switched off counts as passed', () => {
    expect(move([step('a'), step('b', ['a'])], { a: 'disabled' }).start).toEqual(['b']);
  });

  test('a retry takes over what completed, but not what came after a step that is redone', () => {
    expect([...takenOver(chain, new Set(['extract']), 'failed')]).toEqual(['extract']);
    expect([...takenOver(chain, new Set(['extract', 'normalise']), 'extract')]).toEqual([]);
    expect([...takenOver(chain, new Set(['extract', 'check']), 'failed')]).toEqual(['extract']);
    expect(takenOver(chain, new Set(['extract']), 'start').size).toBe(0);
  });
});
