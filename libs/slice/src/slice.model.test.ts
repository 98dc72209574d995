import { describe, expect, test } from '@jest/globals';
import { live } from './simulation/run.ts';
import { POINTS, type Point } from './slice.ts';

const only = process.env.SEED;
const seeds = Number(process.env.SEEDS ?? 2_000);

describe('a slice, whatever happens, does what a model over its journal says', () => {
  test(only ? `seed ${only}` : `${seeds} seeds; every named point is reached`, async () => {
    if (only) {
      await live(Number(only));
      return;
    }
    const reached = new Set<Point>();
    let done = 0;
    let epochs = 0;
    let edits = 0;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const life = await live(seed);
      for (const point of life.points) reached.add(point);
      done += life.done;
      epochs += life.epochs;
      edits += life.edits;
    }
    expect([...reached].sort()).toEqual([...POINTS].sort());
    expect(done).toBeGreaterThan(seeds * 5);
    expect(epochs).toBeGreaterThan(seeds * 2);
    expect(edits).toBeGreaterThan(seeds);
  }, 300_000);
});
