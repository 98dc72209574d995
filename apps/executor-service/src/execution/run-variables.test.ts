import { newRecord, type RunRecord } from '@convergence/runs';
import { expect, test } from '@jest/globals';
import type { Requested } from './announcer.ts';
import { askedAt, runVariables } from './run-variables.ts';

const run = (run_id: string, admitted_at: string, retry_of: string | null = null) =>
  ({ run_id, tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x', admitted_at, retry_of, run_date: null }) as Requested;
const known = (...runs: Requested[]) => {
  const records = new Map<string, RunRecord>(runs.map((one) => [one.run_id, { ...newRecord(one, one.admitted_at), spec: one }]));
  return async (runId: string) => records.get(runId);
};

test('a retry of a retry means by {today} and {yesterday} what the first run meant', async () => {
  const first = run('a', '2025-11-15T23:00:00Z');
  const second = run('b', '2025-11-16T09:00:00Z', 'a');
  const third = run('c', '2025-11-20T09:00:00Z', 'b');
  const asked = await askedAt(third, known(first, second));
  expect(runVariables(third, asked, {}, 'acme', 'local')).toMatchObject({
    today: '2025-11-15',
    yesterday: '2025-11-14',
    date: '2025-11-14',
    month: '2025-11',
  });
});

test('a run that says of when it is means the days of then, and so do its retries', async () => {
  const scheduled = { ...run('a', '2025-11-16T00:10:00Z'), as_of: '2025-11-15T23:55:00Z' };
  for (const one of [
    scheduled,
    { ...run('b', '2025-11-20T09:00:00Z', 'a'), as_of: scheduled.as_of },
    run('b', '2025-11-20T09:00:00Z', 'a'),
  ])
    expect(await askedAt(one, known(scheduled))).toBe(Date.parse('2025-11-15T23:55:00Z'));
});

test('a run of its own, and a retry of one that nobody knows any more, are of the day on which they were asked for', async () => {
  for (const retryOf of [null, 'gone'])
    expect(await askedAt(run('a', '2025-11-15T23:00:00Z', retryOf), known())).toBe(Date.parse('2025-11-15T23:00:00Z'));
});
