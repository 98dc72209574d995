import type { Bus } from '@convergence/ports';
import { virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { Announcer, type Requested } from './announcer.ts';

test.each([
  ['nobody had begun', null, false],
  ['another worker had begun', '2026-01-01T00:00:01.000Z', true],
])('a cancelled run that %s is told with the work it did', async (_, started_at, did_work) => {
  const told: unknown[] = [];
  const bus: Pick<Bus, 'publish'> = { publish: async (messages) => void told.push(...messages.map(({ event }) => event.data)) };
  const run = {
    run_id: '00000000-0000-4000-8000-000000000001',
    tenant_id: 'acme_corp',
    pipeline_id: 'acme_corp-gcp-cost-x',
    trigger_type: 'api',
    scheduled_run_id: null,
    admitted_at: '2026-01-01T00:00:00.000Z',
  } as Requested;
  const tools = { bus, clock: virtualClock(), progress: { add: () => undefined }, source: 'executor-service' };
  await new Announcer(tools, run).cancelled('No more.', started_at);
  expect(told).toMatchObject([{ status: 'CANCELLED', started_at, did_work, error: { code: 'run.cancelled', message: 'No more.' } }]);
});
