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

test('a retry that its command had admitted before is answered, not admitted again', async () => {
  const asked: string[] = [];
  const parts = {
    runs: { get: async () => ({ run_id: RUN, tenant_id: 'acme_corp', pipeline_id: 'p', status: 'FAILED', spec: {} }) },
    templates: { find: () => ({}) },
    tenantService: {
      call: async ({ method, path }: { method: string; path: string }) => {
        asked.push(`${method} ${path}`);
        return {};
      },
    },
    clock: { now: () => NOW },
  } as unknown as Parameters<typeof runsRetryRoute>[0];
  const request = { headers: { 'x-command-id': 'a-command' } };
  const call = { params: { run_id: RUN }, body: {}, principal: { kind: 'tenant', tenantId: 'acme_corp' }, request };
  const { body } = (await runsRetryRoute(parts).handle(call as never)) as { body: { pipeline_logging_id: string } };
  expect(body).toMatchObject({ status: 'PENDING', tenant_id: 'acme_corp' });
  expect(asked).toContain(`GET /internal/runs/${body.pipeline_logging_id}`);
  expect(asked.filter((one) => one.includes('/internal/admissions'))).toEqual([]);
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
