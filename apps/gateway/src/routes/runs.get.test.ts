import type { Readable } from 'node:stream';
import { Refusal, Transient, tenantId } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import type { Handle, OperationCall } from '../forward.ts';
import type { RunOwners } from '../whoever-has-it.ts';
import { runsEventsRoute } from './runs.events.ts';
import { runsDqRoute, runsGetRoute, runsStepsRoute } from './runs.get.ts';

const RUN = '00000000-0000-4000-8000-000000000000';
const unknown = new Refusal('run.not_found', 'There is no such run.');
const waiting = { pipeline_logging_id: RUN, status: 'PENDING', waits_for: [{ gate: 'backfill_concurrency' }] };

/** No executor has heard of the run. */
function asking(route: (tools: RunOwners) => Handle, scheduler: unknown) {
  const refuse = () => Promise.reject(unknown);
  const owners = {
    of: (service: string) => ({
      send: refuse,
      stream: refuse,
      call: async ({ path }: { path: string }) => {
        expect([service, path]).toEqual(['scheduler-service', `/internal/runs/${RUN}`]);
        if (scheduler instanceof Error) throw scheduler;
        return scheduler;
      },
    }),
  } as never;
  const principal = { kind: 'tenant', tenantId: tenantId('acme_corp'), keyId: 'k', scopes: [] };
  const signal = new AbortController().signal;
  const call = { params: { run_id: RUN }, query: {}, principal, signal, request: { headers: {} } } as unknown as OperationCall;
  return route({ owners, draining: signal })(call);
}

describe('a run that waits in the queue of the scheduler', () => {
  test('is shown with what it waits for, without steps or quality results', async () => {
    expect((await asking(runsGetRoute, waiting)).body).toEqual(waiting);
    for (const route of [runsStepsRoute, runsDqRoute])
      expect((await asking(route, waiting)).body).toEqual({ items: [], next_cursor: null });
  });

  test('is told to who watches it, who comes back for its events and is given all of them', async () => {
    const { headers, body } = await asking(runsEventsRoute, waiting);
    expect(headers).toMatchObject({ 'Content-Type': 'text/event-stream' });
    const text = (await (body as Readable).toArray()).join('');
    expect(text).toBe(`retry: 5000\n\nevent: run\ndata: ${JSON.stringify(waiting)}\n\n`);
  });
});

const routes = { get: runsGetRoute, steps: runsStepsRoute, dq: runsDqRoute, events: runsEventsRoute };
test.each(Object.entries(routes))(
  '%s of a run that nobody has refuses it as unknown, but not while the scheduler is away',
  async (_, route) => {
    await expect(asking(route, unknown)).rejects.toBe(unknown);
    await expect(asking(route, new Transient('away'))).rejects.toMatchObject({ name: 'Transient' });
  },
);
