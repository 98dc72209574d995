/**
 * Every operation that takes an Idempotency-Key, asked of one gateway and again of another one in front of the same services, and of the
 * first after it and tenant-service were killed: the same request is the same command, another request under its key is refused. The
 * operations are those of OpenAPI: one without a request here fails the last test.
 */
import { problemType } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Answer, ready, type System, startSystem, until } from './system.ts';

let system: System;
let other: { readonly url: string; stop(): Promise<void> };
beforeAll(async () => {
  system = await startSystem({ RATE_LIMIT_PER_MINUTE: '1000' });
  other = await system.anotherGateway();
  const operations = await fetch(`${other.url}/openapi.json`).then((response) => response.json() as Promise<{ paths: Paths }>);
  taking = Object.values(operations.paths)
    .flatMap((path) => Object.values(path))
    .filter(({ parameters = [] }) => parameters.some(({ name }) => name === 'Idempotency-Key'))
    .map(({ operationId }) => operationId)
    .filter((id) => !id.startsWith('customers.'));
}, 120_000);
afterAll(async () => {
  await other?.stop();
  await system?.stop();
}, 60_000);

type Paths = Record<string, Record<string, { operationId: string; parameters?: { name: string }[] }>>;
let taking: string[];
type Body = Answer['body'];
interface Request {
  readonly path: string;
  readonly body?: unknown;
  readonly admin?: boolean;
}
interface Asked {
  readonly request: () => Request | Promise<Request>;
  /** What is different in another request. */
  readonly other: { readonly body?: object; readonly path?: string };
  readonly keep?: (body: Body) => void;
}
const known = { key: '', run_id: '', queued: '' };
const SECRET = `sk-${'s3cr3t'.repeat(7)}`;
const mine = '/tenants/acme_corp';
const template = 'acme_corp/gcp/example/dryrun';
const schedule = { provider: 'GCP', domain: 'EXAMPLE', pipeline_template: 'dryrun', schedule_cron: '0 2 1 1 *' };
const onboarding = { tenant_id: 'acme_corp', company_name: 'ACME', admin_email: 'ops@acme.example', subscription_plan: 'SCALE' };

/** In this order: what makes something comes before what needs it. */
const REQUESTS: Readonly<Record<string, Asked>> = {
  'tenants.onboard': {
    request: () => ({ admin: true, path: '/tenants/onboard', body: onboarding }),
    other: { body: { company_name: 'Another' } },
    keep: (body) => {
      known.key = body.api_key;
    },
  },
  'api-keys.create': { request: () => ({ path: `${mine}/api-keys`, body: { key_name: 'ci' } }), other: { body: { key_name: 'cd' } } },
  'api-keys.rotate': {
    request: async () => {
      const { body } = await ask({ path: `${mine}/api-keys`, body: { key_name: 'old' } });
      return { path: `${mine}/api-keys/${body.api_key_id}/rotate`, body: { overlap_hours: 0 } };
    },
    other: { body: { overlap_hours: 1 } },
  },
  'credentials.create': {
    request: () => ({
      path: `${mine}/credentials`,
      body: { provider: 'OPENAI', credential_name: 'main', credentials: { api_key: SECRET } },
    }),
    other: { body: { credentials: { api_key: `sk-${'0ther'.repeat(7)}` } } },
  },
  'provider-configs.create': {
    request: () => ({ path: `${mine}/provider-configs`, body: { provider: 'GCP', domain: 'COST', source_dataset: 'billing' } }),
    other: { body: { source_dataset: 'other' } },
  },
  'pipelines.run': {
    request: () => ({ path: `/pipelines/run/${template}`, body: { date: '2025-11-15' } }),
    other: { body: { date: '2025-11-16' } },
    keep: (body) => {
      known.run_id = body.pipeline_logging_id;
    },
  },
  'runs.retry': {
    request: async () => {
      await until(
        async () => (await system.request('GET', `/pipelines/runs/${known.run_id}`, { key: known.key })).body.status === 'COMPLETE',
        30_000,
        () => `run ${known.run_id} did not end`,
      );
      return { path: `/pipelines/runs/${known.run_id}/retry`, body: { from: 'start' } };
    },
    other: { body: { from: 'failed' } },
  },
  'pipelines.backfill': {
    request: () => ({ path: `/pipelines/backfill/${template}`, body: { from: '2024-01-01', to: '2024-09-30' } }),
    other: { body: { to: '2024-10-01' } },
    keep: (body) => {
      known.queued = body.runs.at(-1).run_id;
    },
  },
  'runs.cancel': { request: () => ({ path: `/pipelines/runs/${known.queued}/cancel`, body: {} }), other: { body: { reason: 'other' } } },
  'schedules.create': {
    request: () => ({ path: '/scheduler/customer/acme_corp/pipelines', body: schedule }),
    other: { body: { priority: 9 } },
  },
  'pipeline-configs.create': {
    request: () => ({ admin: true, path: '/scheduler/pipeline-configs', body: { tenant_id: 'acme_corp', ...schedule, priority: 3 } }),
    other: { body: { priority: 4 } },
  },
  'scheduler.trigger': { request: () => ({ admin: true, path: '/scheduler/trigger' }), other: { path: '/scheduler/trigger?limit=3' } },
  'scheduler.process-queue': {
    request: () => ({ admin: true, path: '/scheduler/process-queue?max=1' }),
    other: { path: '/scheduler/process-queue?max=2' },
  },
  'scheduler.reset-daily-quotas': {
    request: () => ({ admin: true, path: '/scheduler/reset-daily-quotas' }),
    other: { path: '/scheduler/cleanup-orphaned-pipelines' },
  },
  'scheduler.cleanup-orphaned-pipelines': {
    request: () => ({ admin: true, path: '/scheduler/cleanup-orphaned-pipelines' }),
    other: { path: '/scheduler/cleanup-orphaned-pipelines?older_than_minutes=90' },
  },
  'dead-letters.redrive': {
    request: () => ({ admin: true, path: '/admin/dead-letters/redrive', body: { topic: 'queue-tick' } }),
    other: { body: { topic: 'quota-reset' } },
  },
};

const ask = ({ path, body, admin }: Request, headers: Record<string, string> = {}, at?: string): Promise<Answer> =>
  system.request('POST', path, {
    ...(admin ? { admin } : { key: known.key }),
    headers,
    ...(body !== undefined && { body }),
    ...(at && { at }),
  });

const CODE = 'request.idempotency_conflict';
const CONFLICT = {
  status: 422,
  body: expect.objectContaining({ type: problemType(CODE), code: CODE }),
};
const done = new Map<string, { readonly again: (at?: string) => Promise<Answer>; readonly another: Request; readonly first: Answer }>();
const conflict = async (another: Request, id: string, at?: string) => {
  const { status, body } = await ask(another, { 'idempotency-key': `key-of-${id}` }, at);
  return { status, body };
};

describe('at another gateway', () => {
  test.each(Object.keys(REQUESTS))(
    '%s asked for again is what was done, and another request under its key is refused',
    async (id) => {
      const { request, other: change, keep } = REQUESTS[id] as Asked;
      const first = await request();
      const again = (at?: string) => ask(first, { 'idempotency-key': `key-of-${id}` }, at);
      const another = {
        ...first,
        ...(change.path && { path: change.path }),
        ...(change.body && { body: { ...(first.body ?? {}), ...change.body } }),
      };
      const answer = await again();
      expect({ status: answer.status < 300, problem: answer.body.code }).toEqual({ status: true, problem: undefined });
      done.set(id, { again, another, first: answer });
      keep?.(answer.body);
      const repeated = await again(other.url);
      expect(repeated.headers.get('idempotency-replayed')).toBeNull();
      expect({ status: repeated.status, body: repeated.body }).toEqual({ status: answer.status, body: answer.body });
      for (const at of [other.url, undefined]) expect(await conflict(another, id, at)).toEqual(CONFLICT);
    },
    60_000,
  );

  test('a tenant under its other name is the same command', async () => {
    const { first } = done.get('api-keys.create') as { first: Answer };
    const path = '/customers/acme_corp/api-keys';
    const repeated = await ask({ path, body: { key_name: 'ci' } }, { 'idempotency-key': 'key-of-api-keys.create' }, other.url);
    expect(repeated.body).toEqual(first.body);
  });

  test('a stranger who onboards again is answered, and gets no key that was handed over before', async () => {
    const body = { tenant_id: 'globex', company_name: 'Globex', admin_email: 'ops@globex.example', run_dryrun: false };
    const onboard = (over: object, at?: string) =>
      system.request('POST', '/tenants/onboard', { body: { ...body, ...over }, headers: { 'idempotency-key': '1' }, ...(at && { at }) });
    const first = await onboard({});
    expect(first.body.api_key).toMatch(/^globex_api_/);
    for (const at of [other.url, undefined])
      expect(await onboard({}, at)).toMatchObject({ status: 200, body: { tenant_id: 'globex', api_key: null } });
    expect(await onboard({ company_name: 'Other' }, other.url)).toMatchObject({ status: 422, body: { code: CODE } });
    // Another stranger, who counts as well.
    expect(await onboard({ tenant_id: 'initech' }, other.url)).toMatchObject({ status: 200, body: { api_key: expect.any(String) } });
  }, 60_000);
});

describe('after the gateway and tenant-service were killed', () => {
  beforeAll(async () => {
    const names = ['gateway', 'tenant-service'];
    const before = await system.pids();
    for (const name of names) process.kill(before[name] as number, 'SIGKILL');
    await until(
      async () => {
        const now = await system.pids();
        return names.every((name) => now[name] !== undefined && now[name] !== before[name]);
      },
      30_000,
      () => 'they were not started again',
    );
    await ready(system.gatewayUrl, 30_000);
    await until(
      async () => (await system.request('GET', `${mine}/quota`, { key: known.key })).status === 200,
      30_000,
      () => 'tenant-service does not answer',
    );
  }, 100_000);

  test.each(Object.keys(REQUESTS))(
    '%s is still what was done, and another request under its key refused',
    async (id) => {
      const { again, another, first } = done.get(id) as NonNullable<ReturnType<typeof done.get>>;
      expect(await conflict(another, id)).toEqual(CONFLICT);
      const repeated = await again();
      expect(repeated.headers.get('idempotency-replayed')).toBeNull();
      expect({ status: repeated.status, body: repeated.body }).toEqual({ status: first.status, body: first.body });
    },
    60_000,
  );
});

test('nothing that was asked for twice was done twice', async () => {
  const list = async (path: string) => (await system.request('GET', path, { key: known.key })).body.items;
  // The first one of onboarding, ci, old and its successor.
  expect(await list(`${mine}/api-keys`)).toHaveLength(4);
  for (const path of [`${mine}/credentials`, `${mine}/provider-configs`]) expect(await list(path)).toHaveLength(1);
  expect(await list('/scheduler/customer/acme_corp/pipelines')).toHaveLength(2);
  const runs = await list('/pipelines/runs?limit=500');
  const asked = runs.filter(({ trigger_type }: { trigger_type: string }) => trigger_type === 'api' || trigger_type === 'retry');
  expect(asked).toHaveLength(2);
});

test('what is remembered of them holds no secret', async () => {
  await until(
    async () => (await system.query('SELECT 1 FROM tenants.tenant_commands')).length >= taking.length,
    20_000,
    () => 'the commands were not checkpointed',
  );
  const tables = ['tenant_commands', 'tenant_journal', 'tenant_api_keys'];
  const rows = await Promise.all(tables.map((name) => system.query(`SELECT TO_JSON_STRING(t) AS row FROM tenants.${name} AS t`)));
  const seen = JSON.stringify(rows);
  expect(seen).toContain('key_name');
  const keys = ['tenants.onboard', 'api-keys.create', 'api-keys.rotate'].map((id) => done.get(id)?.first.body.api_key as string);
  for (const secret of [...keys, SECRET]) expect(seen).not.toContain(secret);
}, 60_000);

test('no operation that takes an Idempotency-Key is left out', () => {
  expect(Object.keys(REQUESTS).sort()).toEqual(taking.sort());
});
