/** The UTC day rolls over, and the nightly reset: the real local-cloud under a clock that is moved. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdmitResponse } from '@convergence/contracts';
import { defaultKeks, googleBus, googleJournalStore, googleKeys } from '@convergence/google';
import { warehouseOwnerStore } from '@convergence/journal';
import type { Clock } from '@convergence/ports';
import { internalClient, startService, systemClock, TokenSigner } from '@convergence/service';
import { openSlice, warehouseTables } from '@convergence/slice';
import { keptLog, type LocalCloud, sampleRun, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { checkConfig, tenantFields } from './config.ts';
import { tenantsDefinition } from './definition.ts';
import { mailer } from './mail/mailer.ts';
import { tenantService } from './service.ts';
import { type Cell, provisionedCell, SIGNING_KEY } from './testing/tenant-service-process.ts';
import { ADMIN, ANYONE, acmeBody } from './testing/tenants-under-test.ts';
import { usageSince } from './usage-since.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
jest.setTimeout(120_000);
const DAY_MS = 86_400_000;
const MIDNIGHT = Math.ceil(Date.now() / DAY_MS) * DAY_MS;
const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);
const YESTERDAY = dayOf(MIDNIGHT - 1);
const TODAY = dayOf(MIDNIGHT);

let cloud: LocalCloud;
let cell: Cell;
let outbox: string;
let service: Awaited<ReturnType<typeof start>>;
let shift = 0;
const clock: Clock = { now: () => Date.now() + shift, sleep: systemClock.sleep };
const moveTo = (time: number) => {
  shift = time - Date.now();
};

beforeAll(async () => {
  cloud = await startLocalCloud({ exportEnv: false });
  cell = await provisionedCell(cloud.env);
  outbox = await mkdtemp(join(tmpdir(), 'day-change-'));
  moveTo(MIDNIGHT - 10 * 60_000);
  service = await start();
});
afterAll(async () => {
  await service?.stop();
  await rm(outbox, { recursive: true, force: true });
  await cell?.close();
  await cloud?.stop();
});

/** As main.ts does, but for the clock. */
async function start() {
  const bus = googleBus(cell.google);
  const journal = googleJournalStore(cell.google, cell.warehouse, { dataset: 'tenants', name: 'tenant_journal' });
  const instance = randomUUID();
  const slice = await openSlice({
    definition: tenantsDefinition(await usageSince(cell.warehouse, 'tenants', 'US')),
    journal,
    owners: warehouseOwnerStore(cell.warehouse, 'tenants'),
    tables: warehouseTables(cell.warehouse, 'tenants'),
    bus,
    clock,
    instance,
    checkpointSeconds: 3600,
    refreshSeconds: 3600,
    log: keptLog(),
  });
  const running = await startService({
    name: 'tenant-service',
    fields: tenantFields,
    check: checkConfig,
    env: { ...cloud.env, PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'silent', INTERNAL_SIGNING_KEY: SIGNING_KEY, DRYRUN_WAIT_SECONDS: '0' },
    build: (context) =>
      tenantService(context, {
        slice,
        bus,
        keys: googleKeys(cell.google, { keks: defaultKeks(cell.google) }),
        // The cell closes its own.
        warehouse: { ...cell.warehouse, close: async () => undefined },
        clock,
        mailer: mailer({ smtpUrl: undefined, from: 'test@convergence.example', outbox }),
        instance,
      }),
  });
  const client = internalClient({
    target: 'tenant-service',
    baseUrl: `http://127.0.0.1:${running.port}`,
    signer: new TokenSigner('gateway', { keys: [SIGNING_KEY] }),
    timeoutMs: 30_000,
  });
  return {
    slice,
    ask: <T = Any>(method: 'GET' | 'POST', path: string, body?: unknown, principal: typeof ADMIN | typeof ANYONE = ADMIN) =>
      client.call<T>({
        method,
        path: path.startsWith('/internal') ? path : `/api/v1${path}`,
        principal,
        ...(body !== undefined && { body }),
      }),
    stop: async () => {
      await running.stop();
      await journal.close();
    },
  };
}

const onboard = (tenant_id: string) => service.ask('POST', '/tenants/onboard', acmeBody({ tenant_id, run_dryrun: false }), ANYONE);
async function admit(tenant_id: string, n: number): Promise<string> {
  const run_id = randomUUID();
  const run = sampleRun(n, { run_id, tenant_id, pipeline_id: `${tenant_id}-gcp-cost-billing`, template: 'billing' });
  const { decisions } = await service.ask<AdmitResponse>('POST', '/internal/admissions', { runs: [run] });
  expect(decisions).toMatchObject([{ run_id, outcome: 'admitted' }]);
  return run_id;
}
const quota = (tenant: string) => service.ask('GET', `/tenants/${tenant}/quota`);
const resetQuotas = (minute: string) => service.ask('POST', '/internal/ticks/quota-reset', { minute });
/** What people see in the table, newest day first. */
async function days(tenant: string) {
  await service.slice.checkpoint();
  const sql = `SELECT usage_date, pipelines_run_today AS run, pipelines_succeeded_today AS succeeded, concurrent_pipelines_running AS running,
  pipelines_run_month AS month FROM tenants.tenant_usage_quotas WHERE tenant_id = '${tenant}' ORDER BY usage_date DESC`;
  return cell.sql(sql);
}
/** The month begins anew on its first day. */
const carried = (runs: number): number => (TODAY.endsWith('-01') ? 0 : runs);

test('the UTC day rolls over while runs are live: each counts on the day of its admission, slots stay taken, a restart changes nothing', async () => {
  await onboard('rolling');
  const [first] = [await admit('rolling', 1), await admit('rolling', 2)];
  moveTo(MIDNIGHT - 60_000);
  expect(await quota('rolling')).toMatchObject({
    usage_date: YESTERDAY,
    pipelines_run_today: 2,
    quota_reset_time: `${TODAY}T00:00:00Z`,
  });

  moveTo(MIDNIGHT + 1000);
  expect(await quota('rolling')).toMatchObject({ usage_date: TODAY, pipelines_run_today: 0, concurrent_pipelines_running: 2 });
  await admit('rolling', 3);
  await service.slice.execute({
    kind: 'end-run',
    run_id: first as string,
    status: 'COMPLETE',
    did_work: true,
    ended_at: new Date(clock.now()).toISOString(),
  });
  const shown = [
    { usage_date: TODAY, run: 1, succeeded: 0, running: 2, month: carried(2) + 1 },
    { usage_date: YESTERDAY, run: 2, succeeded: 1, running: 0, month: 2 },
  ];
  expect(await days('rolling')).toEqual(shown);
  const said = { usage_date: TODAY, pipelines_run_today: 1, pipelines_run_month: carried(2) + 1, concurrent_pipelines_running: 2 };
  expect(await quota('rolling')).toMatchObject(said);

  await service.stop();
  service = await start();
  expect(await quota('rolling')).toMatchObject(said);
  expect(await days('rolling')).toEqual(shown);
});

test('the nightly reset opens the new day for each tenant once, in memory and in the table, and leaves past days', async () => {
  moveTo(MIDNIGHT + DAY_MS - 60_000);
  const tenants = ['night_one', 'night_two'];
  for (const tenant of tenants) await onboard(tenant);
  await admit('night_one', 1);
  const tomorrow = dayOf(MIDNIGHT + DAY_MS);
  moveTo(MIDNIGHT + DAY_MS + 60_000);
  const reset = await resetQuotas(`${tomorrow}T00:01Z`);
  expect(reset).toMatchObject({ status: 'success', records_updated: 3 });
  expect(await resetQuotas(`${tomorrow}T00:02Z`)).toMatchObject({ status: 'success', records_updated: 0 });
  const month = tomorrow.endsWith('-01') ? 0 : 1;
  expect(await days('night_one')).toEqual([
    { usage_date: tomorrow, run: 0, succeeded: 0, running: 1, month },
    { usage_date: TODAY, run: 1, succeeded: 0, running: 0, month: 1 },
  ]);
  expect(await days('night_two')).toMatchObject([
    { usage_date: tomorrow, run: 0 },
    { usage_date: TODAY, run: 0 },
  ]);
  await service.stop();
  service = await start();
  expect(await resetQuotas(`${tomorrow}T00:03Z`)).toMatchObject({ records_updated: 0 });
  expect(await quota('night_one')).toMatchObject({ usage_date: tomorrow, pipelines_run_today: 0, concurrent_pipelines_running: 1 });
});
