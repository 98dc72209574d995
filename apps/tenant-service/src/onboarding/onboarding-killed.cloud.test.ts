/** An onboarding whose process is killed (-9) at each of its steps, against local-cloud: it ends whole, by itself or when asked again. */
import type { OnboardAnswer } from '@convergence/contracts';
import { OPERATIONAL_TABLES, operationalViews } from '@convergence/tables';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { hashOf } from '../api-key-text.ts';
import { type Cell, provisionedCell, startTenantProcess, type TenantProcess } from '../testing/tenant-service-process.ts';
import { ANYONE, acmeBody } from '../testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
jest.setTimeout(120_000);
const KILL_AT = ['--import', new URL('../testing/kill-at.mjs', import.meta.url).href];
const MADE = [...operationalViews('any_tenant', 'central'), ...OPERATIONAL_TABLES].map(({ name }) => name);
let cloud: LocalCloud;
let cell: Cell;
let service: TenantProcess | undefined;

beforeAll(async () => {
  cloud = await startLocalCloud({ exportEnv: false });
  cell = await provisionedCell(cloud.env);
});
afterAll(async () => {
  await service?.kill();
  await cell?.close();
  await cloud?.stop();
});

async function eventually<T>(look: () => Promise<T>, good: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const seen = await look();
    if (good(seen)) return seen;
    if (tries > 120) throw new Error(`never came true; last seen: ${JSON.stringify(seen)}\n${service?.output().slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
const journalled = async (tenant: string): Promise<Record<string, number>> => {
  const rows = await cell.sql(`SELECT type, COUNT(*) AS n FROM tenants.tenant_journal WHERE subject = '${tenant}' GROUP BY type`);
  return Object.fromEntries(rows.map((row) => [String(row.type), Number(row.n)]));
};

interface Step {
  readonly name: string;
  readonly tenant: string;
  readonly at: object;
  /** What the journal has when it dies. */
  readonly before: readonly string[];
}
const steps: readonly Step[] = [
  {
    name: 'before anything of it is written',
    tenant: 'none_yet',
    at: { request: 'GET .*/datasets/none_yet$', when: 'before' },
    before: [],
  },
  {
    name: 'as a tenant without a dataset',
    tenant: 'no_dataset',
    at: { request: 'POST .*/datasets$', when: 'before' },
    before: ['tenant_onboarded'],
  },
  { name: 'with an empty dataset', tenant: 'empty_one', at: { request: 'POST .*/datasets$', when: 'after' }, before: ['tenant_onboarded'] },
  {
    name: 'with one of its tables',
    tenant: 'one_table',
    at: { request: 'POST .*/datasets/one_table/tables$', nth: 1, when: 'after' },
    before: ['tenant_onboarded'],
  },
  {
    name: 'with all of its tables, which nobody noted',
    tenant: 'all_tables',
    at: { request: 'POST .*/datasets/all_tables/tables$', nth: MADE.length, when: 'after' },
    before: ['tenant_onboarded'],
  },
  {
    name: 'when its welcome mail is written',
    tenant: 'welcomed',
    at: { mail: true },
    before: ['tenant_onboarded', 'dataset_prepared', 'run_admitted'],
  },
];

test.each(steps)(
  'killed $name, an onboarding ends whole: one tenant, one dataset, one key, one dry run, one welcome',
  async ({ tenant, at, before }) => {
    const body = acmeBody({ tenant_id: tenant, run_dryrun: true });
    service = await startTenantProcess({ ...cloud.env, KILL_AT: JSON.stringify(at) }, undefined, KILL_AT);
    // The answer of the last step may be out before it dies.
    const first = await service.ask<OnboardAnswer>('POST', '/tenants/onboard', body, ANYONE).catch(() => undefined);
    expect(await service.exited).toBeNull();
    expect(await journalled(tenant)).toMatchObject(Object.fromEntries(before.map((type) => [type, 1])));
    expect(Object.keys(await journalled(tenant)).filter((type) => before.length === 0 && type)).toEqual([]);

    const { url } = service;
    await service.kill();
    service = await startTenantProcess(cloud.env, Number(new URL(url).port));
    // What is journalled is finished by itself.
    const profile = async () => service?.ask<Any>('GET', `/tenants/${tenant}`).catch(({ code }: { code: string }) => ({ code }));
    if (before.length === 0) expect(await profile()).toEqual({ code: 'tenant.not_found' });
    else await eventually(profile, (seen) => seen?.dataset_created === true);

    const answer = first ?? (await service.ask<OnboardAnswer>('POST', '/tenants/onboard', body, ANYONE));
    expect(answer).toMatchObject({ tenant_id: tenant, dataset_created: true, tables_created: expect.arrayContaining(MADE) });
    const there = await cell.sql(`SELECT table_name FROM ${tenant}.INFORMATION_SCHEMA.TABLES`);
    expect(there.map((row) => row.table_name)).toEqual(expect.arrayContaining(MADE));
    const keys = await service.ask<Any>('GET', `/tenants/${tenant}/api-keys`);
    expect(keys.items.filter((key: Any) => key.is_active)).toHaveLength(1);
    if (answer.api_key) {
      const { key } = await service.ask<Any>('POST', '/internal/api-keys/lookup', { api_key_hash: hashOf(answer.api_key) });
      expect(key).toMatchObject({ tenant_id: tenant });
    }
    const whole = { tenant_onboarded: 1, dataset_prepared: 1, run_admitted: 1, welcome_sent: 1 };
    expect(
      await eventually(
        () => journalled(tenant),
        (seen) => Object.keys(whole).every((type) => (seen[type] ?? 0) > 0),
      ),
    ).toMatchObject(whole);
    await service.kill();
  },
);
