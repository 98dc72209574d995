import { createLog } from '@convergence/service';
import { virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { Housekeeping } from './housekeeping.ts';

test('orphans are swept while the reset of quotas fails, which is tried again', async () => {
  const clock = virtualClock();
  const done = { resets: 0, sweeps: 0 };
  const housekeeping = new Housekeeping({
    clock,
    log: createLog({ service: 'test', project: 'p', level: 'silent' }),
    resetQuotas: async () => {
      done.resets += 1;
      throw new Error('BigQuery refuses the DELETE');
    },
    sweepOrphans: async () => {
      done.sweeps += 1;
    },
  });
  housekeeping.start();
  for (let minute = 0; minute < 11; minute += 1) await clock.advance(60_000);
  await housekeeping.stop();
  expect(done).toEqual({ resets: expect.any(Number), sweeps: 2 });
  expect(done.resets).toBeGreaterThan(5);
});
