import { runIdOf, sampleRun } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { EndedRuns } from './ended-runs.ts';
import type { Admission } from './state.ts';

const NOON = Date.parse('2026-01-15T12:00:00Z');
/** Run n ended n seconds past noon. */
const ended = (n: number): Admission => ({
  run: sampleRun(n, { parameters: { note: `line ${n}\nÄ€💶` } }),
  admitted_at: '2026-01-15T11:00:00.000Z',
  usage_date: '2026-01-15',
  counted: n % 2 === 0,
  started_at: null,
  heartbeat_at: null,
  ended_at: new Date(NOON + n * 1000).toISOString(),
  outcome: 'succeeded',
});
/** More packs than stay open, and one that is not full. */
const MANY = 10 * 1024 + 17;
function holding(): EndedRuns<Admission> {
  const runs = new EndedRuns<Admission>();
  for (let n = 1; n <= MANY; n += 1) runs.add(ended(n));
  return runs;
}

test('1: what comes out is what went in, from whichever pack and in whatever order', () => {
  const runs = holding();
  for (let n = 1; n <= MANY; n += 1) {
    const asked = 1 + ((n * 7919) % MANY);
    if (n % 50 === 0) expect(runs.get(runIdOf(asked))).toEqual(ended(asked));
  }
  // Of the pack that is not full, too.
  for (let n = MANY - 16; n <= MANY; n += 1) expect(runs.get(runIdOf(n))).toEqual(ended(n));
  expect(runs.get(runIdOf(MANY + 1))).toBeUndefined();
});

test('2: they leave oldest first, and none before its row is written', () => {
  const runs = holding();
  const kept = () => [1, 299, 300, 301, 700, MANY].filter((n) => runs.has(runIdOf(n)));
  runs.forget(NOON + MANY * 1000);
  expect(runs.size).toBe(MANY);
  for (let n = 1; n <= 600; n += 1) if (n !== 300) runs.noteWritten(runIdOf(n));
  runs.forget(NOON + 299 * 1000 - 1);
  expect(kept()).toEqual([299, 300, 301, 700, MANY]);
  runs.forget(NOON + MANY * 1000);
  expect(kept()).toEqual([300, 301, 700, MANY]);
  runs.noteWritten(runIdOf(300));
  runs.forget(NOON + MANY * 1000);
  expect(kept()).toEqual([700, MANY]);
  expect(runs.size).toBe(MANY - 600);
  expect(runs.get(runIdOf(601))).toEqual(ended(601));
  expect(runs.get(runIdOf(600))).toBeUndefined();
});
