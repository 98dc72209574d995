import type { AdmitRequest, RunSpec } from '@convergence/contracts';
import { expect, test } from '@jest/globals';
import { runsRetryRoute } from './runs.retry.ts';

const RUN = '00000000-0000-4000-8000-000000000001';
const NOW = Date.parse('2026-03-01T23:59:30Z');

test('a retry that the quota refuses says when to come again; admission is told who wants it', async () => {
  const record = {
    run_id: RUN,
    tenant_id: 'acme_corp',
    pipeline_id: 'p',
    status: 'FAILED',
    spec: { provider: 'gcp', domain: 'example', template: 'dryrun' },
  };
  const refused = {
    outcome: 'refused',
    code: 'quota.daily_exceeded',
    detail: 'Daily pipeline quota exceeded.',
    fields: {},
    retry_at: '2026-03-02T00:00:00Z',
  };
  const parts = {
    runs: { get: async () => record },
    templates: { find: () => ({}) },
    tenantService: {
      call: async ({ body }: { body: AdmitRequest }) => {
        const { run_id } = body.runs[0] as RunSpec;
        expect(body.asked_by).toEqual({ [run_id]: call.principal });
        return { decisions: [{ run_id, ...refused }] };
      },
    },
    clock: { now: () => NOW },
  } as unknown as Parameters<typeof runsRetryRoute>[0];
  const call = { params: { run_id: RUN }, body: {}, principal: { kind: 'tenant', tenantId: 'acme_corp' }, request: { headers: {} } };
  const retry = runsRetryRoute(parts).handle as unknown as (given: typeof call) => Promise<unknown>;
  await expect(retry(call)).rejects.toMatchObject({
    code: 'quota.daily_exceeded',
    retryAfterSeconds: 30,
    fields: { tenant_id: 'acme_corp' },
  });
});

test('a retry that its command had admitted before is answered, not admitted again; what it came to is noted', async () => {
  const admitted: string[] = [];
  const parts = {
    runs: { get: async () => ({ run_id: RUN, tenant_id: 'acme_corp', pipeline_id: 'p', status: 'FAILED', spec: {} }) },
    templates: { find: () => ({}) },
    tenantService: {
      call: async ({ body }: { body: AdmitRequest }) => {
        const { run_id } = body.runs[0] as RunSpec;
        expect(body.commands).toEqual({ [run_id]: 'a-command' });
        admitted.push(run_id);
        return { decisions: [{ run_id, outcome: 'admitted' }] };
      },
    },
    clock: { now: () => NOW },
  } as unknown as Parameters<typeof runsRetryRoute>[0];
  const retry = async (headers: Record<string, string>) => {
    const request = { headers: { 'x-command-id': 'a-command', ...headers } };
    const call = { params: { run_id: RUN }, body: {}, principal: { kind: 'tenant', tenantId: 'acme_corp' }, request };
    return ((await runsRetryRoute(parts).handle(call as never)) as { body: { pipeline_logging_id: string } }).body;
  };
  const first = await retry({});
  expect(first).toMatchObject({ status: 'PENDING', pipeline_logging_id: admitted[0] });
  expect(await retry({ 'x-command-made': first.pipeline_logging_id })).toEqual(first);
  expect(admitted).toHaveLength(1);
  expect(await retry({ 'x-command-made': RUN })).toMatchObject({
    pipeline_logging_id: RUN,
    message: expect.stringContaining('returning existing'),
  });
});

test('a retry in whose place another run is live has come to that run', async () => {
  const noted: unknown[] = [];
  const parts = {
    runs: {
      get: async (id: string) => ({
        run_id: RUN,
        tenant_id: 'acme_corp',
        pipeline_id: 'p',
        status: id === RUN ? 'FAILED' : 'RUNNING',
        spec: {},
      }),
    },
    templates: { find: () => ({}) },
    tenantService: {
      call: async ({ path, body }: { path: string; body: AdmitRequest }) => {
        if (path === '/internal/commands/made') return noted.push(body);
        return { decisions: [{ run_id: body.runs[0]?.run_id, outcome: 'existing', existing_run_id: 'live-run', status: 'RUNNING' }] };
      },
    },
    clock: { now: () => NOW },
  } as unknown as Parameters<typeof runsRetryRoute>[0];
  const request = { headers: { 'x-command-id': 'a-command' } };
  const call = { params: { run_id: RUN }, body: {}, principal: { kind: 'tenant', tenantId: 'acme_corp' }, request };
  expect(await runsRetryRoute(parts).handle(call as never)).toMatchObject({ body: { pipeline_logging_id: 'live-run', status: 'RUNNING' } });
  expect(noted).toEqual([{ command: 'a-command', made: 'live-run' }]);
});

test('a retry asked for before its owner heard of the end of the run is admitted once it has; until then nothing is called a retry', async () => {
  let now = NOW;
  let heardAt = NOW + 300;
  const parts = {
    runs: { get: async () => ({ run_id: RUN, tenant_id: 'acme_corp', pipeline_id: 'p', status: 'FAILED', spec: {} }) },
    templates: { find: () => ({}) },
    tenantService: {
      call: async ({ body }: { body: AdmitRequest }) => {
        const { run_id } = body.runs[0] as RunSpec;
        const existing = { run_id, outcome: 'existing', existing_run_id: RUN, status: 'RUNNING' };
        return { decisions: [now < heardAt ? existing : { run_id, outcome: 'admitted' }] };
      },
    },
    clock: {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
      },
    },
  } as unknown as Parameters<typeof runsRetryRoute>[0];
  const call = { params: { run_id: RUN }, body: {}, principal: { kind: 'tenant', tenantId: 'acme_corp' }, request: { headers: {} } };
  const retry = runsRetryRoute(parts).handle as unknown as (given: typeof call) => Promise<{ body: { pipeline_logging_id: string } }>;
  const { body } = await retry(call);
  expect(body).toMatchObject({ status: 'PENDING' });
  expect(body.pipeline_logging_id).not.toBe(RUN);
  heardAt = Number.POSITIVE_INFINITY;
  await expect(retry(call)).rejects.toMatchObject({ name: 'Transient', message: expect.stringContaining('nothing was started') });
});
