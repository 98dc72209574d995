/** Rows that somebody deletes by SQL. */
import type { AdmitResponse, OnboardAnswer } from '@convergence/contracts';
import { sampleRun } from '@convergence/testing';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { hashOf } from './api-key-text.ts';
import { ANYONE, acmeBody, startTenants, type TenantsUnderTest } from './testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
let service: TenantsUnderTest;
let key: string;
const onboard = (tenant_id: string) =>
  service.ask<OnboardAnswer>('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ tenant_id, run_dryrun: false }) });
const lookup = () => service.ask<Any>('POST', '/internal/api-keys/lookup', { body: { api_key_hash: hashOf(key) } });
const admitted = async (n: number) => {
  const run = sampleRun(n, { tenant_id: 'acme_corp', pipeline_id: 'acme_corp-gcp-cost-billing_cost' });
  const [decision] = (await service.ask<AdmitResponse>('POST', '/internal/admissions', { body: { runs: [run] } })).decisions;
  return decision?.outcome === 'refused' ? decision.detail : decision?.outcome;
};
const rowsOf = (table: string) => service.tables.rows(table).filter((row) => row.tenant_id === 'acme_corp');

beforeEach(async () => {
  service = await startTenants();
  key = (await onboard('acme_corp')).api_key ?? '';
  await onboard('globex');
  const unwelcomed = () => [...service.slice().state.tenants.values()].some(({ onboarding }) => !onboarding.welcome_sent_at);
  while (unwelcomed()) await new Promise((resolve) => setTimeout(resolve, 5));
  await service.slice().checkpoint();
});
afterEach(() => service.close());

test.each(['tenant_profiles', 'tenant_subscriptions'])('a row of %s comes back as it was', async (table) => {
  const before = rowsOf(table);
  service.tables.remove(table, 'acme_corp');
  expect(await service.slice().refresh()).toBe(1);
  await service.slice().checkpoint();
  expect(rowsOf(table)).toEqual(before);
  expect(await service.slice().refresh()).toBe(0);
});

test('nothing is missed of what no checkpoint wrote yet', async () => {
  await onboard('initech');
  expect(await service.slice().refresh()).toBe(0);
});

test('a key whose row is deleted works no more, whatever rows somebody inserted', async () => {
  const { api_key_id } = (await lookup()).key;
  service.tables.edit('tenant_api_keys', 'by-hand', { api_key_id: 'by-hand', tenant_id: 'globex', expires_at: null });
  service.tables.remove('tenant_api_keys', api_key_id);
  await service.slice().refresh();
  expect((await lookup()).key).toBeNull();
  await service.slice().checkpoint();
  expect(rowsOf('tenant_api_keys')).toMatchObject([{ api_key_id, is_active: false }]);
});

test('also when it was used since, and the next checkpoint would bring its row back before anybody looks', async () => {
  const { api_key_id } = (await lookup()).key;
  service.tables.remove('tenant_api_keys', api_key_id);
  await service.ask('POST', '/internal/api-keys/used', {
    body: { used: [{ api_key_id, at: new Date(service.clock.now()).toISOString() }] },
  });
  await service.slice().checkpoint();
  expect((await lookup()).key).toBeNull();
  await service.slice().checkpoint();
  expect(rowsOf('tenant_api_keys')).toMatchObject([{ api_key_id, is_active: false }]);
});

test('also when it was used since, and the service leaves before anybody looks', async () => {
  const { api_key_id } = (await lookup()).key;
  service.tables.remove('tenant_api_keys', api_key_id);
  await service.ask('POST', '/internal/api-keys/used', {
    body: { used: [{ api_key_id, at: new Date(service.clock.now()).toISOString() }] },
  });
  await service.slice().close();
  expect(rowsOf('tenant_api_keys')).toMatchObject([{ api_key_id, is_active: false }]);
  expect(service.bus.published.at(-1)).toMatchObject({ topic: 'tenant-changed', event: { data: { tenant_id: 'acme_corp' } } });
  await service.restart();
  expect((await lookup()).key).toBeNull();
});

test('also when it was not: it is known to be gone, and gateways are told', async () => {
  const { api_key_id } = (await lookup()).key;
  service.tables.remove('tenant_api_keys', api_key_id);
  await service.slice().close();
  expect(rowsOf('tenant_api_keys')).toMatchObject([{ api_key_id, is_active: false }]);
  expect(service.bus.published.at(-1)).toMatchObject({ topic: 'tenant-changed', event: { data: { tenant_id: 'acme_corp' } } });
});

test('a key that is given another id by SQL works no more, after a restart neither', async () => {
  const { api_key_id } = (await lookup()).key;
  service.tables.edit('tenant_api_keys', api_key_id, { api_key_id: 'renamed' }, 'renamed');
  await service.slice().refresh();
  expect((await lookup()).key).toBeNull();
  await service.slice().checkpoint();
  service.tables.edit('tenant_api_keys', 'renamed', { key_name: 'read after the one that came back' });
  await service.slice().checkpoint();
  await service.restart();
  expect((await lookup()).key).toBeNull();
});

test('what a row held that was given another id is known after a restart', async () => {
  service.tables.edit('tenant_profiles', 'acme_corp', { tenant_id: 'renamed', company_name: 'Somebody' }, 'renamed');
  await service.restart();
  expect(await service.ask<Any>('GET', '/tenants/acme_corp')).toMatchObject({ company_name: 'Acme Corp', status: 'ACTIVE' });
  await service.slice().refresh();
  await service.slice().checkpoint();
  expect(rowsOf('tenant_profiles')).toMatchObject([{ company_name: 'Acme Corp', status: 'ACTIVE' }]);
});

test('a profile that is gone at a start stops nobody else: its tenant is suspended until somebody says who it is', async () => {
  await admitted(1);
  const mails = await service.mails();
  service.tables.remove('tenant_profiles', 'acme_corp');
  await service.restart();
  expect(await service.ask<Any>('GET', '/tenants/globex')).toMatchObject({ status: 'ACTIVE' });
  expect(await service.ask<Any>('GET', '/tenants/acme_corp/quota')).toMatchObject({
    pipelines_run_today: 1,
    concurrent_pipelines_running: 1,
  });
  expect(await admitted(2)).toBe('Account suspended');
  await service.slice().refresh();
  await service.slice().checkpoint();
  expect(rowsOf('tenant_profiles')).toMatchObject([{ company_name: 'acme_corp', admin_email: '', status: 'SUSPENDED' }]);
  await service.ask('PATCH', '/tenants/acme_corp', { body: { company_name: 'Acme', admin_email: 'a@acme.test', status: 'ACTIVE' } });
  expect(await admitted(2)).toBe('admitted');
  expect((await lookup()).key).toMatchObject({ tenant_id: 'acme_corp' });
  // It was welcomed when it came, and nobody knew its address meanwhile.
  expect(await service.mails()).toEqual(mails);
});
