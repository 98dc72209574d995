import { expect, test } from '@jest/globals';
import { World } from './world.ts';

const world = (seed: number, start: string) =>
  new World({ seed, tenants: 25, schedulesPerTenant: 4, crowd: 0, days: 1, start: Date.parse(start), places: 20, faults: true }).run();

const WORLDS = process.env.SOAK ? 50 : 3;

/** A breach names the seed; `npm run simulate -- --tenants 25 --schedules 4 --crowd 0 --days 1 --places 20 --start ... --seed N` plays it again. */
test.each([
  ['the night New York sets its clocks back', '2026-10-31T22:00:00Z'],
  ['the night New York sets them forward', '2026-03-07T22:00:00Z'],
  ['the night Lord Howe moves half an hour', '2026-10-03T06:00:00Z'],
  ['the night Troll moves two hours', '2026-03-28T12:00:00Z'],
  ['a month end', '2026-11-30T12:00:00Z'],
  ['a year end', '2026-12-31T12:00:00Z'],
])('no invariant breaks on %s', (_, start) => {
  for (let seed = 1; seed <= WORLDS; seed++) {
    const figures = world(seed, start);
    expect(figures.fires).toBeGreaterThan(50);
    expect(figures.faults).toBeGreaterThan(0);
    expect(figures.crashes).toBeGreaterThan(0);
  }
});

test('tenants that want more than there is share it by weight, to five percent of a thousand dispatches', () => {
  const start = Date.parse('2026-11-21T06:00:00Z');
  const figures = new World({ seed: 1, tenants: 5, schedulesPerTenant: 4, crowd: 6, days: 1, start, places: 20, faults: true }).run();
  expect(figures.fairnessWindows).toBeGreaterThan(0);
  expect(figures.fairnessWorst).toBeLessThan(0.05);
});

test('the same seed plays the same world', () => {
  expect(world(3, '2026-11-21T00:00:00Z')).toEqual(world(3, '2026-11-21T00:00:00Z'));
});
