/**
 * Every operation of the API, asked rightly once, of the whole system: each answers its success status with a body that fits what
 * OpenAPI says of it. An operation without a request here fails the last test.
 */
import { createHmac } from 'node:crypto';
import { check, OPERATIONS, type Operation } from '@convergence/contracts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Answer, type System, startSystem, until } from './system.ts';

const SECRET = `sk-${'s3cr3t'.repeat(7)}`;
const STRIPE_SECRET = 'whsec_every_operation_test';
let system: System;
beforeAll(async () => {
  system = await startSystem({ STRIPE_WEBHOOK_SECRET: STRIPE_SECRET, RATE_LIMIT_PER_MINUTE: '1000' });
}, 120_000);
afterAll(async () => {
  await system?.stop();
}, 30_000);

interface Request {
  /** Path from /api/v1 on. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}
/** What earlier answers gave, for later requests. */
interface Known {
  key: string;
  api_key_id: string;
  credential_id: string;
  provider_config_id: string;
  config_id: string;
  admin_config_id: string;
  run_id: string;
}
const known = {} as Known;
const TENANT = 'acme_corp';
const mine = `/tenants/${TENANT}`;
const template = `${TENANT}/gcp/example/dryrun`;
const schedule = {
  provider: 'GCP',
  domain: 'EXAMPLE',
  pipeline_template: 'dryrun',
  schedule_cron: '0 2 * * *',
  timezone: 'America/New_York',
};

/** In this order: what makes something comes before what needs it, what ends it last. */
const REQUESTS: Readonly<Record<string, { readonly request: () => Request; readonly keep?: (body: Answer['body']) => void }>> = {
  'tenants.onboard': {
    request: () => ({
      path: '/tenants/onboard',
      body: { tenant_id: TENANT, company_name: 'ACME', admin_email: 'ops@acme.example', subscription_plan: 'SCALE' },
    }),
    keep: (body) => {
      known.key = body.api_key;
    },
  },
  'tenants.list': { request: () => ({ path: '/tenants?limit=10' }) },
  'tenants.get': { request: () => ({ path: mine }) },
  'tenants.change': { request: () => ({ path: mine, body: { company_name: 'ACME Corporation' } }) },
  'tenants.quota': { request: () => ({ path: `${mine}/quota` }) },
  'tenants.usage': { request: () => ({ path: `${mine}/usage` }) },
  'subscriptions.get': { request: () => ({ path: `${mine}/subscription` }) },
  'subscriptions.change': { request: () => ({ path: `${mine}/subscription`, body: { max_pipelines_per_day: 1000 } }) },
  'api-keys.list': { request: () => ({ path: `${mine}/api-keys` }) },
  'api-keys.create': {
    request: () => ({ path: `${mine}/api-keys`, body: { key_name: 'ci', scopes: ['pipelines:read'] } }),
    keep: (body) => {
      known.api_key_id = body.api_key_id;
    },
  },
  'api-keys.rotate': {
    request: () => ({ path: `${mine}/api-keys/${known.api_key_id}/rotate`, body: { overlap_hours: 1 } }),
    keep: (body) => {
      known.api_key_id = body.api_key_id;
    },
  },
  'api-keys.revoke': { request: () => ({ path: `${mine}/api-keys/${known.api_key_id}` }) },
  'credentials.create': {
    request: () => ({
      path: `${mine}/credentials`,
      body: { provider: 'OPENAI', credential_name: 'main', credentials: { api_key: SECRET } },
    }),
    keep: (body) => {
      known.credential_id = body.credential_id;
    },
  },
  'credentials.list': { request: () => ({ path: `${mine}/credentials` }) },
  'credentials.change': { request: () => ({ path: `${mine}/credentials/${known.credential_id}`, body: { credential_name: 'other' } }) },
  'credentials.remove': { request: () => ({ path: `${mine}/credentials/${known.credential_id}` }) },
  'provider-configs.create': {
    request: () => ({ path: `${mine}/provider-configs`, body: { provider: 'GCP', domain: 'COST', source_dataset: 'billing_export' } }),
    keep: (body) => {
      known.provider_config_id = body.config_id;
    },
  },
  'provider-configs.list': { request: () => ({ path: `${mine}/provider-configs` }) },
  'provider-configs.change': {
    request: () => ({ path: `${mine}/provider-configs/${known.provider_config_id}`, body: { notification_emails: ['ops@acme.example'] } }),
  },
  'provider-configs.remove': { request: () => ({ path: `${mine}/provider-configs/${known.provider_config_id}` }) },
  'templates.list': { request: () => ({ path: '/pipelines/templates' }) },
  'templates.get': { request: () => ({ path: '/pipelines/templates/gcp/example/dryrun' }) },
  'pipelines.run': {
    request: () => ({ path: `/pipelines/run/${template}`, body: { date: '2025-11-15' } }),
    keep: (body) => {
      known.run_id = body.pipeline_logging_id;
    },
  },
  'runs.get': { request: () => ({ path: `/pipelines/runs/${known.run_id}` }) },
  'runs.why': { request: () => ({ path: `/pipelines/runs/${known.run_id}/why` }) },
  'runs.events': { request: () => ({ path: `/pipelines/runs/${known.run_id}/events` }) },
  'runs.list': { request: () => ({ path: '/pipelines/runs' }) },
  'tenant-runs.list': { request: () => ({ path: `${mine}/pipelines` }) },
  'runs.steps': { request: () => ({ path: `/pipelines/runs/${known.run_id}/steps` }) },
  'runs.dq': { request: () => ({ path: `/pipelines/runs/${known.run_id}/dq` }) },
  'runs.retry': { request: () => ({ path: `/pipelines/runs/${known.run_id}/retry`, body: { from: 'start' } }) },
  'runs.cancel': { request: () => ({ path: `/pipelines/runs/${known.run_id}/cancel` }) },
  'pipelines.backfill': { request: () => ({ path: `/pipelines/backfill/${template}`, body: { from: '2025-11-01', to: '2025-11-03' } }) },
  'schedules.create': {
    request: () => ({ path: `/scheduler/customer/${TENANT}/pipelines`, body: schedule }),
    keep: (body) => {
      known.config_id = body.config_id;
    },
  },
  'schedules.list': { request: () => ({ path: `/scheduler/customer/${TENANT}/pipelines` }) },
  'schedules.change': { request: () => ({ path: `/scheduler/customer/${TENANT}/pipelines/${known.config_id}`, body: { priority: 8 } }) },
  'schedules.disable': { request: () => ({ path: `/scheduler/customer/${TENANT}/pipelines/${known.config_id}` }) },
  'pipeline-configs.create': {
    request: () => ({ path: '/scheduler/pipeline-configs', body: { tenant_id: TENANT, ...schedule, schedule_cron: '0 3 * * *' } }),
    keep: (body) => {
      known.admin_config_id = body.config_id;
    },
  },
  'pipeline-configs.list': { request: () => ({ path: `/scheduler/pipeline-configs?tenant_id=${TENANT}` }) },
  'pipeline-configs.disable': { request: () => ({ path: `/scheduler/pipeline-configs/${known.admin_config_id}` }) },
  'scheduler.trigger': { request: () => ({ path: '/scheduler/trigger?limit=10' }) },
  'scheduler.process-queue': { request: () => ({ path: '/scheduler/process-queue' }) },
  'scheduler.reset-daily-quotas': { request: () => ({ path: '/scheduler/reset-daily-quotas' }) },
  'scheduler.cleanup-orphaned-pipelines': { request: () => ({ path: '/scheduler/cleanup-orphaned-pipelines' }) },
  'scheduler.status': { request: () => ({ path: '/scheduler/status' }) },
  'scheduler.queue': { request: () => ({ path: '/scheduler/queue' }) },
  'dead-letters.list': { request: () => ({ path: '/admin/dead-letters' }) },
  'dead-letters.redrive': { request: () => ({ path: '/admin/dead-letters/redrive' }) },
  'journal.list': { request: () => ({ path: `/admin/journal?tenant_id=${TENANT}` }) },
  'webhooks.stripe': {
    request: () => {
      const at = Math.floor(Date.now() / 1000);
      const body = {
        id: 'evt_1',
        object: 'event',
        type: 'customer.created',
        created: at,
        livemode: false,
        data: { object: { id: 'cus_1', object: 'customer' } },
      };
      const signature = createHmac('sha256', STRIPE_SECRET)
        .update(`${at}.${JSON.stringify(body)}`)
        .digest('hex');
      return { path: '/webhooks/stripe', body, headers: { 'stripe-signature': `t=${at},v1=${signature}` } };
    },
  },
  'tenants.cancel': { request: () => ({ path: mine }) },
};

const byId = new Map<string, Operation>(OPERATIONS.map((operation) => [operation.id, operation]));

for (const [id, { request, keep }] of Object.entries(REQUESTS)) {
  test(`${id} answers what it declares`, async () => {
    const operation = byId.get(id) as Operation;
    const { path, body, headers } = request();
    if (id === 'runs.retry' || id === 'runs.cancel') await settled(known.run_id, id === 'runs.retry');
    if (operation.responseType === 'text/event-stream') return firstEvent(path);
    const admin = operation.auth === 'admin';
    const answer = await system.request(operation.method, path, {
      ...(admin ? { admin } : { key: known.key }),
      ...(body !== undefined && { body }),
      ...(headers && { headers }),
    });
    // Whether a run that ended may still be cancelled is the run's to say; that it says so is the API's.
    if (id === 'runs.cancel' && answer.status === 409) return expect(answer.body.code).toBe('run.not_cancellable');
    expect({ status: answer.status, problem: answer.status < 300 ? undefined : answer.body }).toEqual({
      status: operation.successStatus ?? 200,
      problem: undefined,
    });
    expect(check(operation.response, structuredClone(answer.body))).toMatchObject({ ok: true });
    keep?.(answer.body);
  }, 60_000);
}

const takesCursor = ({ query }: Operation): boolean => 'cursor' in ((query as { properties?: object } | undefined)?.properties ?? {});
test.each(OPERATIONS.filter(takesCursor))('$id refuses a cursor that no list gave', async ({ path }) => {
  const list = path.replace('/api/v1', '').replace('{tenant_id}', TENANT);
  const { status, body } = await system.request('GET', `${list}?cursor=!no-cursor!`, { admin: true });
  expect([status, body.code]).toEqual([400, 'request.invalid']);
});

test('a key that was revoked stops working at the gateway without anybody asking it to', async () => {
  const made = await system.request('POST', '/tenants/onboard', {
    body: { tenant_id: 'globex', company_name: 'Globex', admin_email: 'ops@globex.example', run_dryrun: false },
  });
  const quota = () => system.request('GET', '/tenants/globex/quota', { key: made.body.api_key });
  expect((await quota()).status).toBe(200);
  const { body } = await system.request('GET', '/tenants/globex/api-keys', { admin: true });
  await system.request('DELETE', `/tenants/globex/api-keys/${body.items[0].api_key_id}`, { admin: true });
  let last = 200;
  await until(
    async () => {
      last = (await quota()).status;
      return last === 401;
    },
    5000,
    () => `the key still answers ${last}`,
  );
}, 60_000);

test('no secret is in a log line or a table', async () => {
  const tables = [
    'tenant_api_keys',
    'tenant_cloud_credentials',
    'tenant_journal',
    'tenant_profiles',
    'x_meta_pipeline_runs',
    'scheduler_journal',
  ];
  await until(
    async () => (await system.query('SELECT 1 FROM tenants.tenant_api_keys LIMIT 1')).length > 0,
    20_000,
    () => 'nothing was checkpointed',
  );
  const rows = await Promise.all(tables.map((name) => system.query(`SELECT TO_JSON_STRING(t) AS row FROM tenants.${name} AS t`)));
  const seen = `${JSON.stringify(rows)}\n${system.output.join('')}`;
  // What is looked through is what was meant to be: rows and lines about the tenants.
  expect(seen.split('acme_corp').length).toBeGreaterThan(50);
  for (const secret of [known.key, SECRET, STRIPE_SECRET, 'dev-admin-key']) {
    const at = seen.indexOf(secret);
    // The launcher shows the laptop's own admin key in its first session, on purpose.
    if (secret === 'dev-admin-key') expect(seen.replaceAll("-H 'X-Admin-Key: dev-admin-key'", '')).not.toContain(secret);
    else expect(at < 0 ? 'nowhere' : seen.slice(Math.max(0, at - 200), at)).toBe('nowhere');
  }
}, 60_000);

test('nothing is left out', () => {
  expect(Object.keys(REQUESTS).sort()).toEqual([...byId.keys()].sort());
});

async function settled(runId: string, wait: boolean): Promise<void> {
  if (!wait) return;
  await until(
    async () => {
      const { body } = await system.request('GET', `/pipelines/runs/${runId}`, { key: known.key });
      return ['COMPLETE', 'FAILED', 'CANCELLED'].includes(body.status);
    },
    30_000,
    () => `run ${runId} did not end`,
  );
}

async function firstEvent(path: string): Promise<void> {
  const client = new AbortController();
  const response = await fetch(`${system.gatewayUrl}/api/v1${path}`, { headers: { 'x-api-key': known.key }, signal: client.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const { value } = (await response.body?.getReader().read()) ?? {};
  expect(Buffer.from(value ?? []).toString()).toMatch(/^(id|event|data|retry|:)/m);
  client.abort();
}
