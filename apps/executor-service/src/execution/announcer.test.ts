import { virtualClock } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import { Announcer, type Requested } from './announcer.ts';

test.each([
  ['nobody had begun', null, false],
  ['another worker had begun', '2026-01-01T00:00:01.000Z', true],
])('a cancelled run that %s is told with the work it did', async (_, started_at, did_work) => {
  const told: unknown[] = [];
  const bus = {
    publish: async (messages: readonly { body: Buffer }[]) => void told.push(...messages.map((m) => JSON.parse(String(m.body)))),
  };
  const run = { run_id: 'r', admitted_at: '2026-01-01T00:00:00.000Z' } as Requested;
  const tools = { bus: bus as never, clock: virtualClock(), progress: { add: () => undefined }, source: 'executor-service' };
  await new Announcer(tools, run).cancelled('No more.', started_at);
  expect(told).toMatchObject([{ status: 'CANCELLED', started_at, did_work, error: { code: 'run.cancelled', message: 'No more.' } }]);
});
