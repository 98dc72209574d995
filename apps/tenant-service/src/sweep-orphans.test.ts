import { createLog } from '@convergence/service';
import { expect, test } from '@jest/globals';
import { RunEnds } from './run-ends.ts';
import { sweepOrphans } from './sweep-orphans.ts';

test('a sweep goes on until no lost run is left, and tells who waits for one of them', async () => {
  const lost = ['a', 'b', 'c'];
  const slice = {
    execute: async () => ({
      runs: lost.splice(0, 2).map((run_id) => ({ run_id, tenant_id: 't', pipeline_id: 'p', last_heartbeat_at: null })),
    }),
  };
  const runEnds = new RunEnds();
  const told = runEnds.wait('c', 60_000);
  const log = createLog({ service: 'test', project: 'p', level: 'silent' });
  const answer = await sweepOrphans({ slice, config: { orphanMinutes: 60 }, runEnds, log } as never);
  expect(answer).toMatchObject({ cleaned_count: 3, runs: [{ run_id: 'a' }, { run_id: 'b' }, { run_id: 'c' }] });
  expect(await told).toBe(true);
});
