import { Refusal, tenantId } from '@convergence/contracts';
import { expect, test } from '@jest/globals';
import type { OperationCall } from '../forward.ts';
import { runsCancelRoute } from './runs.cancel.ts';

const RUN = '00000000-0000-4000-8000-000000000000';
const unknown = new Refusal('run.not_found', 'There is no such run.');

/** `answers`: of each service, one after the other. */
async function cancel(answers: Record<string, readonly unknown[]>) {
  const asked: string[] = [];
  const next = (service: string, path: string) => {
    const answer = answers[service]?.[asked.filter((one) => one.startsWith(service)).length];
    asked.push(`${service} ${path}`);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const owners = {
    of: (service: string) => ({
      send: async ({ path }: { path: string }) => ({ status: 202, headers: { get: () => null }, body: await next(service, path) }),
      call: ({ path }: { path: string }) => next(service, path),
    }),
  } as never;
  const principal = { kind: 'tenant', tenantId: tenantId('acme_corp'), keyId: 'k', scopes: [] };
  const call = { params: { run_id: RUN }, query: {}, principal, request: { headers: {} } } as unknown as OperationCall;
  const reply = await runsCancelRoute({ owners, draining: new AbortController().signal })(call).catch((error: Refusal) => error);
  return { asked: asked.map((one) => one.split(' ')[0]), reply };
}

test('a run that an executor has is cancelled there', async () => {
  expect(await cancel({ 'executor-service': ['stopped'] })).toMatchObject({ asked: ['executor-service'], reply: { body: 'stopped' } });
  const ended = new Refusal('run.not_cancellable', 'The run has ended.');
  expect(await cancel({ 'executor-service': [ended] })).toEqual({ asked: ['executor-service'], reply: ended });
});

test('one that no executor knows of leaves the queue of the scheduler', async () => {
  expect(await cancel({ 'executor-service': [unknown], 'scheduler-service': ['taken out'] })).toMatchObject({
    asked: ['executor-service', 'scheduler-service'],
    reply: { status: 202, body: 'taken out' },
  });
});

test('one that left the queue in between is asked for once more, and one that never was is unknown', async () => {
  const both = ['executor-service', 'scheduler-service', 'executor-service'];
  const there = { 'executor-service': [unknown, 'stopped'], 'scheduler-service': [unknown] };
  expect(await cancel(there)).toMatchObject({ asked: both, reply: { body: 'stopped' } });
  const nowhere = { 'executor-service': [unknown, unknown], 'scheduler-service': [unknown] };
  expect(await cancel(nowhere)).toEqual({ asked: both, reply: unknown });
});
