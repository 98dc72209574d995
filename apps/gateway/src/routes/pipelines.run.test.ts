import { type AdmissionDecision, isRunId, Refusal, type RunSpec, Transient, tenantId } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import type { OperationCall } from '../forward.ts';
import type { Templates } from '../templates.ts';
import { pipelinesRunRoute } from './pipelines.run.ts';

const ACME = tenantId('acme_corp');
const NOW = Date.parse('2026-03-01T23:59:30Z');
const templates: Templates = {
  resolve: ({ provider, domain, template, parameters }) => ({
    pipeline_id: `${ACME}-${provider}-${domain}-${template}`,
    provider,
    domain,
    template,
    parameters: { ...parameters },
    parameters_hash: '0123456789abcdef',
    run_date: '2026-02-28',
  }),
};
const call = (body: object = {}) =>
  ({
    params: { tenant_id: ACME, provider: 'gcp', domain: 'cost', template: 'billing_cost' },
    query: {},
    body,
    principal: { kind: 'tenant', tenantId: ACME, keyId: 'k', scopes: [], userId: 'alice' },
  }) as unknown as OperationCall;
/** `known`: what the executors say of a run. */
function given(decide: (run: RunSpec, now: number) => AdmissionDecision, known: () => string | Error = () => 'RUNNING') {
  const asked: RunSpec[] = [];
  const noted: unknown[] = [];
  let now = NOW;
  const route = pipelinesRunRoute({
    templates,
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    },
    owners: {
      of: (service: string) => ({
        call: async ({ path, body }: { path: string; body?: unknown }) => {
          if (path === '/internal/commands/made') return noted.push(body);
          expect([service, path]).toEqual(['executor-service', '/internal/runs/live-run/why']);
          const status = known();
          if (status instanceof Error) throw status;
          return { tenant_id: ACME, status, gates: [] };
        },
      }),
    } as never,
    admit: async ({ run, by }) => {
      asked.push(run);
      expect(by).toEqual(call().principal);
      return decide(run, now);
    },
  });
  return { asked, noted, route };
}
const quota = (code: string, detail: string, retry_at: string | null) => (run: RunSpec) =>
  ({ run_id: run.run_id, outcome: 'refused', code, detail, fields: { quota_reset_time: retry_at }, retry_at }) as AdmissionDecision;

describe('running a pipeline by hand', () => {
  test.each([
    ['a number', 5],
    ['an object', {}],
    ['empty', ''],
    ['129 characters long', 'x'.repeat(129)],
  ])('who asked can not be %s: it is refused here', async (_, trigger_by) => {
    const { asked, route } = given(() => {
      throw new Error('nobody is asked');
    });
    await expect(route(call({ trigger_by }))).rejects.toMatchObject({
      code: 'request.invalid',
      fields: { errors: [{ in: 'body', path: '/trigger_by' }] },
    });
    expect(asked).toEqual([]);
  });

  test('an admitted run is PENDING under its new id, and who asked is told to admission', async () => {
    const { asked, route } = given(({ run_id }) => ({ run_id, outcome: 'admitted', admitted_at: '2026-03-01T23:59:30Z' }));
    const { body } = await route(call({ date: '2026-02-28', trigger_by: 'nightly' }));
    expect(asked[0]).toMatchObject({
      trigger_type: 'api',
      trigger_by: 'nightly',
      user_id: 'alice',
      lane: 'live',
      parameters: { date: '2026-02-28' },
    });
    expect(isRunId(asked[0]!.run_id)).toBe(true);
    expect(body).toMatchObject({
      pipeline_logging_id: asked[0]!.run_id,
      pipeline_id: 'acme_corp-gcp-cost-billing_cost',
      tenant_id: ACME,
      status: 'PENDING',
    });
  });

  test('the same run that is live already is answered with that run', async () => {
    const { route } = given(({ run_id }) => ({ run_id, outcome: 'existing', existing_run_id: 'live-run', status: 'RUNNING' }));
    const { body } = await route(call());
    expect(body).toMatchObject({
      pipeline_logging_id: 'live-run',
      status: 'RUNNING',
      message: expect.stringContaining('already running - returning existing'),
    });
  });

  test('that run is noted with the command that asked, which is answered alike when it comes again; one that ended meanwhile is not', async () => {
    const { asked, noted, route } = given(({ run_id }) => ({
      run_id,
      outcome: 'existing',
      existing_run_id: 'live-run',
      status: 'PENDING',
    }));
    const first = await route({ ...call(), command: { id: 'c', made: null } });
    expect(noted).toEqual([{ command: 'c', made: 'live-run' }]);
    expect(await route({ ...call(), command: { id: 'c', made: 'live-run' } })).toEqual(first);
    expect(asked).toHaveLength(1);
    const ended = given(untilHeard(NOW + 300), () => 'COMPLETE');
    await ended.route({ ...call(), command: { id: 'c', made: null } });
    expect(ended.noted).toEqual([]);
  });

  const untilHeard = (heardAt: number) => (run: RunSpec, now: number) =>
    (now < heardAt
      ? { run_id: run.run_id, outcome: 'existing', existing_run_id: 'live-run', status: 'RUNNING' }
      : { run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-03-01T23:59:30Z' }) as AdmissionDecision;

  test('one that has ended is not answered as live: the run is admitted once its owner heard of that, and nothing starts until then', async () => {
    const { asked, route } = given(untilHeard(NOW + 300), () => 'COMPLETE');
    const { body } = await route(call());
    expect(body).toMatchObject({ pipeline_logging_id: asked[0]!.run_id, status: 'PENDING' });
    expect(new Set(asked.map(({ run_id }) => run_id)).size).toBe(1);
    const { route: never } = given(untilHeard(Number.POSITIVE_INFINITY), () => 'FAILED');
    await expect(never(call())).rejects.toMatchObject({ name: 'Transient', message: expect.stringContaining('nothing was started') });
  });

  test('where the executors do not answer, its owner is believed', async () => {
    const { route } = given(untilHeard(Number.POSITIVE_INFINITY), () => new Transient('away'));
    expect((await route(call())).body).toMatchObject({ pipeline_logging_id: 'live-run' });
  });

  test('a spent quota is a 429 with the seeds’ fields and the time to come again', async () => {
    const detail = 'Daily pipeline quota exceeded. Used 25/25 pipelines today.';
    const { route } = given(quota('quota.daily_exceeded', detail, '2026-03-02T00:00:00Z'));
    await expect(route(call())).rejects.toMatchObject({
      code: 'quota.daily_exceeded',
      message: detail,
      retryAfterSeconds: 30,
      fields: { tenant_id: ACME, customer_id: ACME, quota_reset_time: '2026-03-02T00:00:00Z' },
    });
  });

  test('a limit that nobody can time has no Retry-After', async () => {
    const { route } = given(
      quota('quota.concurrent_exceeded', 'Concurrent pipeline limit reached. 5/5 pipelines currently running.', null),
    );
    await expect(route(call())).rejects.toMatchObject({ code: 'quota.concurrent_exceeded', retryAfterSeconds: undefined });
  });

  test('a code that is not in the catalogue is a bug, not a refusal', async () => {
    const { route } = given(quota('made.up', 'no', null));
    await expect(route(call())).rejects.not.toBeInstanceOf(Refusal);
  });
});
