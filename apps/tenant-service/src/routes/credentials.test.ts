/** credentials.list, credentials.create, credentials.change, credentials.remove. */

import { credentialsChange, credentialsCreate, credentialsList, credentialsRemove } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ANYONE, acmeBody, ownerOf, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
let service: TenantsUnderTest;
const CREDENTIALS = '/tenants/acme_corp/credentials';
const HOUR = 3_600_000;
const owner = ownerOf('acme_corp');
const PEM = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC'.repeat(4)}\n-----END PRIVATE KEY-----\n`;
const GCP = {
  type: 'service_account',
  project_id: 'acme-billing',
  private_key_id: 'abc',
  private_key: PEM,
  client_email: 'reader@acme-billing.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
};
const GOOD: readonly [string, Record<string, unknown>, string, string, string | null][] = [
  ['GCP', GCP, 'SERVICE_ACCOUNT', GCP.client_email, 'acme-billing'],
  [
    'AWS',
    { access_key_id: 'AKIAIOSFODNN7EXAMPLE', secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
    'ACCESS_KEY',
    '...MPLE',
    null,
  ],
  [
    'AWS',
    { role_arn: 'arn:aws:iam::123456789012:role/reader', external_id: 'acme-1' },
    'ROLE',
    'arn:aws:iam::123456789012:role/reader',
    '123456789012',
  ],
  [
    'AZURE',
    {
      tenant_id: '11111111-2222-3333-4444-555555555555',
      client_id: '66666666-7777-8888-9999-000000000000',
      client_secret: 'a~secret~of~azure',
    },
    'CLIENT_SECRET',
    '66666666-7777-8888-9999-000000000000',
    null,
  ],
  ['OPENAI', { api_key: 'sk-admin-0123456789abcdefghij' }, 'ADMIN_KEY', '...ghij', null],
  ['CLAUDE', { api_key: 'sk-ant-admin01-0123456789abcdef' }, 'ADMIN_KEY', '...cdef', null],
];

beforeAll(async () => {
  service = await startTenants();
  await service.ask('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ run_dryrun: false, subscription_plan: 'SCALE' }) });
});
afterAll(() => service.close());

describe(`${credentialsCreate.id}, ${credentialsList.id}, ${credentialsChange.id}, ${credentialsRemove.id}`, () => {
  test.each(GOOD)('%s credentials are taken, sealed and never shown', async (provider, credentials, type, hint, projectId) => {
    const made = await service.ask<Any>('POST', CREDENTIALS, { as: owner, body: { provider, credential_name: 'n', credentials } });
    expect(made).toMatchObject({ provider, credential_type: type, credential_hint: hint, project_id: projectId, is_active: true });
    const shown = JSON.stringify([made, await service.ask('GET', CREDENTIALS, { as: owner })]);
    for (const [name, value] of Object.entries(credentials)) {
      if (/secret|private_key$|api_key/.test(name)) expect(shown).not.toContain(JSON.stringify(value).slice(1, -1));
    }
    expect(JSON.stringify(service.journal.rows)).not.toContain(JSON.stringify(credentials).slice(1, -1));
  });

  test.each([
    ['GCP', {}, '/credentials/type is required'],
    ['GCP', { ...GCP, private_key: 'nonsense that is long enough to be looked at' }, '/credentials/private_key must match'],
    ['GCP', { ...GCP, type: 'authorized_user' }, '/credentials/type'],
    ['GCP', { ...GCP, universe_domain: 'x'.repeat(16_384) }, '/credentials must be at most 16 KB'],
    ['AWS', { access_key_id: 'AKIAIOSFODNN7EXAMPLE' }, '/credentials/secret_access_key is required'],
    ['AWS', { role_arn: 'arn:aws:iam::12:role/x' }, '/credentials/role_arn must match'],
    ['AZURE', { client_secret: 'a~secret~of~azure', tenant_id: 'x' }, '/credentials/client_id is required'],
    ['OPENAI', { api_key: 'sk-0123456789abcdefghij', apikey: 'sk-typo-0123456789abcdef' }, '/credentials/apikey is not a known field'],
    ['CLAUDE', { api_key: 'sk-0123456789abcdefghij' }, '/credentials/api_key must match'],
  ])('%s: what is wrong is said by field, without its value', async (provider, credentials, detail) => {
    const refused = await service
      .ask('POST', CREDENTIALS, { body: { provider, credential_name: 'n', credentials } })
      .catch((error: Any) => error);
    expect(refused).toMatchObject({ code: 'credential.invalid' });
    expect(refused.message).toContain(detail);
    for (const value of Object.values(credentials)) {
      if (String(value).length > 20) expect(JSON.stringify([refused.message, refused.fields])).not.toContain(value);
    }
  });

  test('a type that the provider does not have is refused', async () => {
    const body = { provider: 'GCP', credential_type: 'ACCESS_KEY', credential_name: 'n', credentials: GCP };
    await expect(service.ask('POST', CREDENTIALS, { body })).rejects.toMatchObject({ code: 'credential.invalid' });
  });

  test('a command that comes again is answered with what it made, sealed as it was', async () => {
    const body = { provider: 'OPENAI', credential_name: 'once', credentials: { api_key: 'sk-0123456789abcdefcccc' } };
    const make = (command: string) => service.ask<Any>('POST', CREDENTIALS, { as: owner, body, headers: { 'x-command-id': command } });
    const [made, twin] = await Promise.all([make('a'), make('a')]);
    expect(twin).toEqual(made);
    const sealed = sealedOf(made.credential_id);
    await service.restart();
    await service.clock.advance(15 * HOUR);
    expect(await make('a')).toEqual(made);
    expect(sealedOf(made.credential_id)).toBe(sealed);
    const other = await make('b');
    expect(other.credential_id).not.toBe(made.credential_id);
    for (const { credential_id } of [made, other]) await service.ask('DELETE', `${CREDENTIALS}/${credential_id}`);
  });

  test('a replaced secret is sealed anew for the same credential', async () => {
    const made = await service.ask<Any>('POST', CREDENTIALS, {
      body: { provider: 'OPENAI', credential_name: 'o', credentials: { api_key: 'sk-0123456789abcdefaaaa' } },
    });
    const before = sealedOf(made.credential_id);
    const changed = await service.ask<Any>('PATCH', `${CREDENTIALS}/${made.credential_id}`, {
      body: { credentials: { api_key: 'sk-0123456789abcdefbbbb' }, credential_name: 'p' },
    });
    expect(changed).toMatchObject({ credential_name: 'p', credential_hint: '...bbbb' });
    expect(sealedOf(made.credential_id)).not.toBe(before);
    expect(await service.ask<Any>('DELETE', `${CREDENTIALS}/${made.credential_id}`)).toMatchObject({ is_active: false });
    await expect(service.ask('PATCH', `${CREDENTIALS}/${made.credential_id}`, { body: { is_active: false } })).rejects.toMatchObject({
      code: 'credential.not_found',
    });
  });

  test('an executor gets what is active, sealed', async () => {
    const context = await service.ask<Any>('GET', '/internal/tenants/acme_corp/run-context', { from: 'executor-service' });
    expect(context).toMatchObject({ tenant_id: 'acme_corp', dataset: 'acme_corp', plan: 'SCALE', status: 'ACTIVE' });
    expect(context.credentials.length).toBe(GOOD.length);
    expect(JSON.stringify(context)).not.toContain('BEGIN PRIVATE KEY');
    await expect(service.ask('GET', '/internal/tenants/acme_corp/run-context', { from: 'gateway' })).rejects.toThrow();
  });
});

const sealedOf = (id: string) =>
  [...service.slice().state.tenants.values()].flatMap((tenant) => tenant.credentials).find((held) => held.credential_id === id)?.sealed;
