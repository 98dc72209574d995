import type { RunSpec } from '@convergence/contracts';
import { afterEach, beforeEach } from '@jest/globals';
import { daily, ownerOf, type SchedulerUnderTest, startScheduler } from './scheduler-under-test.ts';

/** A scheduler of its own for each test of the file, and what tests do and ask most. */
export function schedulerForEachTest() {
  let current: SchedulerUnderTest;
  const renew = async (...how: Parameters<typeof startScheduler>): Promise<void> => {
    await current?.close();
    current = await startScheduler(...how);
  };
  beforeEach(() => renew());
  afterEach(() => current.close());
  const service = new Proxy({} as SchedulerUnderTest, { get: (_, part) => Reflect.get(current, part) });
  return {
    /** The one of the test that runs. */
    service,
    /** Another one in its place, with other limits. */
    renew,
    schedule: (over: Record<string, unknown> = {}, tenant = 'acme_corp') =>
      service.ask('POST', `/scheduler/customer/${tenant}/pipelines`, { as: ownerOf(tenant), body: daily(over) }),
    asked: (): RunSpec[] => service.admission.asked.flat(),
    queue: async () => (await service.ask('GET', '/scheduler/queue')).items,
    status: () => service.ask('GET', '/scheduler/status'),
  };
}
