/** tenant-service as a process against local-cloud: real clients, several processes at once, kills, other people's SQL. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { OnboardAnswer } from '@convergence/contracts';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { hashOf } from './api-key-text.ts';
import { SEED_EDITS, SEED_QUERIES } from './testing/seed-queries.ts';
import { type Cell, provisionedCell, SIGNING_KEY, startTenantProcess, type TenantProcess } from './testing/tenant-service-process.ts';
import { ANYONE, acmeBody } from './testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
jest.setTimeout(120_000);
const ADMIT_MANY = fileURLToPath(new URL('./testing/admit-many.ts', import.meta.url));
let cloud: LocalCloud;
let cell: Cell;
let service: TenantProcess;

beforeAll(async () => {
  cloud = await startLocalCloud({ exportEnv: false });
  cell = await provisionedCell(cloud.env);
  service = await startTenantProcess(cloud.env);
});
afterAll(async () => {
  await service?.kill('SIGTERM');
  await cell?.close();
  await cloud?.stop();
});

const onboard = (over = {}) => service.ask<OnboardAnswer>('POST', '/tenants/onboard', acmeBody({ run_dryrun: false, ...over }), ANYONE);
const quota = (tenant: string) => service.ask<Any>('GET', `/tenants/${tenant}/quota`);
/** From several processes at once, each asking for `count` runs. */
async function admitFrom(processes: number, tenant: string, count: number): Promise<number> {
  const asked = Array.from({ length: processes }, (_, n) =>
    promisify(execFile)(process.execPath, ['--no-warnings', ADMIT_MANY, service.url, SIGNING_KEY, tenant, String(count), `p${n}`]),
  );
  const counts = (await Promise.all(asked)).map(({ stdout }) => JSON.parse(stdout).admitted ?? 0);
  return counts.reduce((sum: number, n: number) => sum + n, 0);
}
async function eventually<T>(look: () => Promise<T>, good: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const seen = await look();
    if (good(seen)) return seen;
    if (tries > 60) throw new Error(`never came true; last seen: ${JSON.stringify(seen)}\n${service.output().slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

describe('against local-cloud', () => {
  test('onboards: dataset, tables and views are there, the key works', async () => {
    const answer = await onboard();
    expect(answer).toMatchObject({ dataset_created: true, subscription_plan: 'STARTER' });
    expect(await cell.warehouse.columnsOf('acme_corp', 'x_meta_step_logs')).toBeDefined();
    expect(await cell.sql('SELECT COUNT(*) AS n FROM `convergence-local.acme_corp.x_meta_pipeline_runs`')).toEqual([{ n: 0 }]);
    const { key } = await service.ask<Any>('POST', '/internal/api-keys/lookup', { api_key_hash: hashOf(answer.api_key ?? '') });
    expect(key).toMatchObject({ tenant_id: 'acme_corp' });
  });

  test('1 000 requests at once from four processes admit exactly the limit', async () => {
    await onboard({ tenant_id: 'crowd' });
    await service.ask('PATCH', '/tenants/crowd/subscription', {
      max_pipelines_per_day: 137,
      max_concurrent_pipelines: 1000,
      max_pipelines_per_month: 1000,
    });
    expect(await admitFrom(4, 'crowd', 250)).toBe(137);
    expect(await quota('crowd')).toMatchObject({ pipelines_run_today: 137, concurrent_pipelines_running: 137 });
  });

  test('kill -9 in the middle of it: still exactly the limit, and tables that agree', async () => {
    await onboard({ tenant_id: 'crashing' });
    await service.ask('PATCH', '/tenants/crashing/subscription', {
      max_pipelines_per_day: 1000,
      max_concurrent_pipelines: 211,
      max_pipelines_per_month: 1000,
    });
    const port = Number(new URL(service.url).port);
    const asked = admitFrom(3, 'crashing', 200);
    for (let kill = 0; kill < 3; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await service.kill('SIGKILL');
      service = await startTenantProcess(cloud.env, port);
    }
    expect(await asked).toBe(211);
    expect(await quota('crashing')).toMatchObject({ pipelines_run_today: 211, concurrent_pipelines_running: 211 });
    const live = "SELECT COUNT(*) AS n FROM `convergence-local.tenants.run_admissions` WHERE tenant_id = 'crashing' AND ended_at IS NULL";
    await eventually(
      () => cell.sql(live),
      ([row]) => row?.n === 211,
    );
  });

  test('of two that start one serves, and it is the newer', async () => {
    const newer = await startTenantProcess(cloud.env);
    expect(await service.exited).not.toBeNull();
    await service.kill();
    service = newer;
    expect(await quota('crashing')).toMatchObject({ pipelines_run_today: 211 });
  });
});

/** The table shows what the owner knows: who sets back what is still being taken over is not heard. */
const written = () =>
  eventually(
    async () => {
      const [row] = await cell.sql("SELECT updated_at FROM `convergence-local.tenants.tenant_profiles` WHERE tenant_id = 'acme_corp'");
      return [Date.parse(String(row?.updated_at)), Date.parse((await service.ask<Any>('GET', '/tenants/acme_corp')).updated_at)];
    },
    ([inTable, known]) => inTable === known,
  );

describe("the guides' SQL", () => {
  beforeAll(async () => {
    await service.ask('POST', '/tenants/onboard', acmeBody({ run_dryrun: false }));
    const credentials = { api_key: 'sk-0123456789abcdefghij' };
    await service.ask('POST', '/tenants/acme_corp/credentials', { provider: 'OPENAI', credential_name: 'o', credentials });
  });

  test.each(SEED_QUERIES.map((query) => [query.says, query.sql]))('%s runs and finds the tenant', async (_, sql) => {
    await eventually(
      () => cell.sql(sql),
      (rows) => rows.length > 0,
    );
  });

  test('shows the truth within seconds', async () => {
    expect(await admitFrom(1, 'acme_corp', 2)).toBe(2);
    const [row] = await eventually(
      () => cell.sql(SEED_QUERIES[2]?.sql ?? ''),
      ([seen]) => seen?.pipelines_run_today === 2,
    );
    expect(row).toEqual({ tenant_id: 'acme_corp', pipelines_run_today: 2, daily_limit: 6, remaining: 4 });
  });

  test('a limit, a status and a month set by hand take effect', async () => {
    await cell.sql(SEED_EDITS.lowQuota);
    await eventually(
      () => quota('acme_corp'),
      (seen) => seen.daily_limit === 1,
    );
    expect(await admitFrom(1, 'acme_corp', 3)).toBe(0);
    await cell.sql(SEED_EDITS.suspend);
    await eventually(
      () => service.ask<Any>('GET', '/tenants/acme_corp'),
      (seen) => seen.status === 'SUSPENDED',
    );
    await written();
    await cell.sql(SEED_EDITS.reactivate);
    await eventually(
      () => service.ask<Any>('GET', '/tenants/acme_corp'),
      (seen) => seen.status === 'ACTIVE',
    );
    await cell.sql(SEED_EDITS.resetMonth);
    await eventually(
      () => quota('acme_corp'),
      (seen) => seen.pipelines_run_month === 0,
    );
    expect(await quota('acme_corp')).toMatchObject({ pipelines_run_today: 2, daily_limit: 1 });
    await cell.sql("UPDATE tenants.tenant_subscriptions SET daily_limit = 9 WHERE tenant_id = 'acme_corp'");
    await eventually(
      () => quota('acme_corp'),
      (seen) => seen.daily_limit === 9,
    );
  });

  test('nothing of a key or a secret lies in any table or log in clear', async () => {
    const dump = JSON.stringify(
      await Promise.all(
        ['tenant_api_keys', 'tenant_cloud_credentials', 'tenant_journal', 'tenant_profiles'].map((table) =>
          cell.sql(`SELECT TO_JSON_STRING(t) AS row_text FROM \`convergence-local.tenants.${table}\` AS t`),
        ),
      ),
    );
    expect(dump).toContain('acme_corp');
    expect(dump).not.toMatch(/_api_[A-Za-z0-9]{32}|sk-0123456789/);
    expect(service.output()).not.toMatch(/_api_[A-Za-z0-9]{32}|sk-0123456789/);
  });
});
