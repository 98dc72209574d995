/** Whatever changes something leaves in the journal who asked for it; a new operation can not be forgotten. */

import { OPERATIONS, type Principal } from '@convergence/contracts';
import { sampleRun } from '@convergence/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type AskOptions, acmeBody, startTenants, type TenantsUnderTest } from './testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
type Method = 'POST' | 'PATCH' | 'DELETE';
const ALICE: Principal = { kind: 'admin', userId: 'alice' };
const T = '/tenants/acme_corp';
let service: TenantsUnderTest;
beforeAll(async () => {
  service = await startTenants();
  await service.ask('POST', '/tenants/onboard', { body: acmeBody({ run_dryrun: false }) });
});
afterAll(() => service.close());

const ask = (method: Method, path: string, options: AskOptions = {}) => service.ask<Any>(method, path, { as: ALICE, ...options });
const key = async () => (await ask('POST', `${T}/api-keys`, { body: {} })).api_key_id;
const credential = { provider: 'OPENAI', credential_name: 'o', credentials: { api_key: 'sk-0123456789abcdefghij' } };
const config = { provider: 'OPENAI', domain: 'COST' };
const RUN = sampleRun(1, {
  tenant_id: 'acme_corp',
  pipeline_id: 'acme_corp-gcp-example-dryrun',
  domain: 'example',
  template: 'dryrun',
  parameters: {},
});
const lost = () => service.ask('POST', '/internal/admissions', { body: { runs: [RUN] } });

/** What each comes to: the event that the trail shows, and how it is asked; what must be there before it is made by somebody else. */
const CHANGES: Readonly<Record<string, readonly [string, () => Promise<() => Promise<unknown>>]>> = {
  'tenants.onboard': ['onboarding_repeated', async () => () => ask('POST', '/tenants/onboard', { body: acmeBody({ run_dryrun: false }) })],
  'tenants.onboard, anew': [
    'dataset_dropped',
    async () => () => ask('POST', '/tenants/onboard', { body: acmeBody({ run_dryrun: false, force_recreate_dataset: true }) }),
  ],
  'tenants.change': ['profile_changed', async () => () => ask('PATCH', T, { body: { company_name: 'Acme & Co' } })],
  'subscriptions.change': ['subscription_changed', async () => () => ask('PATCH', `${T}/subscription`, { body: { plan_name: 'SCALE' } })],
  'api-keys.create': ['api_key_issued', async () => key],
  'api-keys.rotate': ['api_key_rotated', async () => rotating(await key())],
  'api-keys.revoke': ['api_key_revoked', async () => removing(`api-keys/${await key()}`)],
  'credentials.create': ['credential_added', async () => () => ask('POST', `${T}/credentials`, { body: credential })],
  'credentials.change': [
    'credential_changed',
    async () => changing(`credentials/${(await added('credentials', credential)).credential_id}`),
  ],
  'credentials.remove': [
    'credential_removed',
    async () => removing(`credentials/${(await added('credentials', credential)).credential_id}`),
  ],
  'provider-configs.create': ['provider_config_added', async () => () => added('provider-configs', config)],
  'provider-configs.change': [
    'provider_config_changed',
    async () => changing(`provider-configs/${(await added('provider-configs', config)).config_id}`),
  ],
  'provider-configs.remove': [
    'provider_config_removed',
    async () => removing(`provider-configs/${(await added('provider-configs', config)).config_id}`),
  ],
  'scheduler.cleanup-orphaned-pipelines': [
    'run_orphaned',
    async () => {
      await lost();
      await service.clock.advance(120_000);
      return () => ask('POST', '/internal/ticks/orphan-sweep', { body: { minute: '2026-01-15T11:01Z', older_than_minutes: 1 } });
    },
  ],
  'tenants.cancel': ['status_changed', async () => () => ask('DELETE', T)],
  'tenants.cancel, purging': [
    'tenant_purged',
    async () => () => ask('DELETE', `${T}?purge=true`, { headers: { 'x-confirm': 'acme_corp' } }),
  ],
};
const added = (what: string, body: object) => ask('POST', `${T}/${what}`, { body });
const changing = (what: string) => () => ask('PATCH', `${T}/${what}`, { body: { is_active: false } });
const removing = (what: string) => () => ask('DELETE', `${T}/${what}`);
const rotating = (id: string) => () => ask('POST', `${T}/api-keys/${id}/rotate`, { body: {} });

test.each(Object.entries(CHANGES))('%s leaves who asked', async (_, [type, given]) => {
  const change = await given();
  const before = service.journal.rows.length;
  await change();
  const left = service.journal.rows.slice(before).filter((row) => row.type === type);
  expect(left.map(({ actor }) => JSON.parse(String(actor)))).toEqual(left.map(() => ALICE));
  expect(left.length).toBeGreaterThan(0);
});

test('a run leaves who wanted it, in a batch of several; who calls, where nobody says', async () => {
  const key: Principal = { kind: 'tenant', tenantId: 'bolt_inc' as never, keyId: 'k1', scopes: [] };
  await service.ask('POST', '/tenants/onboard', { body: { ...acmeBody({ run_dryrun: false }), tenant_id: 'bolt_inc' } });
  const ids = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000001${n}`);
  const runs = ids.map((run_id, n) => ({
    ...RUN,
    run_id,
    tenant_id: 'bolt_inc',
    pipeline_id: 'bolt_inc-x',
    parameters_hash: `0123456789abcde${n}`,
  }));
  await service.ask('POST', '/internal/admissions', { body: { runs, asked_by: { [ids[0] as string]: ALICE, [ids[2] as string]: key } } });
  await service.restart();
  const trail = service.journal.rows.filter((row) => row.type === 'run_admitted' && ids.includes(JSON.parse(row.data).run.run_id));
  expect(trail.map(({ actor }) => JSON.parse(String(actor)))).toEqual([ALICE, { kind: 'admin' }, key]);
});

test('nothing that changes something is missing here', () => {
  const named = new Set(Object.keys(CHANGES).map((name) => name.split(',')[0]));
  const mine = OPERATIONS.filter(({ owner, method, auth }) => owner === 'tenant-service' && method !== 'GET' && auth !== 'signature');
  expect(mine.map(({ id }) => id).filter((id) => !named.has(id))).toEqual([]);
});
