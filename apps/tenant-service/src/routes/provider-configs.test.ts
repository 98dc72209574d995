/** provider-configs.list, provider-configs.create, provider-configs.change, provider-configs.remove. */

import { providerConfigsChange, providerConfigsCreate, providerConfigsList, providerConfigsRemove } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ANYONE, acmeBody, ownerOf, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
let service: TenantsUnderTest;
const CONFIGS = '/tenants/acme_corp/provider-configs';
const owner = ownerOf('acme_corp');

beforeAll(async () => {
  service = await startTenants();
  await service.ask('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ run_dryrun: false }) });
});
afterAll(() => service.close());

describe(`${providerConfigsCreate.id}, ${providerConfigsList.id}, ${providerConfigsChange.id}, ${providerConfigsRemove.id}`, () => {
  test('says where data is and whom to tell, changes in part, goes away', async () => {
    const body = {
      provider: 'GCP',
      domain: 'COST',
      source_project_id: 'acme-gcp-project',
      source_dataset: 'billing_export',
      notification_emails: ['ops@acmecorp.com'],
    };
    const made = await service.ask<Any>('POST', CONFIGS, { as: owner, body });
    expect(made).toMatchObject({ ...body, options: {}, is_active: true, tenant_id: 'acme_corp', customer_id: 'acme_corp' });
    const one = `${CONFIGS}/${made.config_id}`;
    const changed = await service.ask<Any>('PATCH', one, { as: owner, body: { source_dataset: null, options: { source_table: 't' } } });
    expect(changed).toMatchObject({ source_project_id: 'acme-gcp-project', source_dataset: null, options: { source_table: 't' } });
    expect((await service.ask<Any>('GET', CONFIGS, { as: owner })).items).toEqual([changed]);
    expect(await service.ask<Any>('DELETE', one, { as: owner })).toMatchObject({ config_id: made.config_id, is_active: false });
    expect((await service.ask<Any>('GET', CONFIGS, { as: owner })).items).toEqual([]);
    await expect(service.ask('DELETE', one, { as: owner })).rejects.toMatchObject({ code: 'provider_config.not_found' });
  });

  test('is the same one for a command that comes again', async () => {
    const body = { provider: 'GCP', domain: 'COST', options: { webhook_secret: 'a-secret-that-signs' } };
    const make = (command: string) => service.ask<Any>('POST', CONFIGS, { as: owner, body, headers: { 'x-command-id': command } });
    const [made, twin] = await Promise.all([make('a'), make('a')]);
    expect(twin).toEqual(made);
    await service.restart();
    expect(await make('a')).toEqual(made);
    const other = await make('b');
    expect(other.config_id).not.toBe(made.config_id);
    expect((await service.ask<Any>('GET', CONFIGS, { as: owner })).items).toEqual([made, other]);
    for (const { config_id } of [made, other]) await service.ask('DELETE', `${CONFIGS}/${config_id}`);
  });

  test('what signs webhooks is sealed with its configuration, in no answer and in no event, and kept when its stars come back', async () => {
    const secret = 'a-secret-that-signs';
    const options = { webhook_url: 'https://hooks.example/x', webhook_secret: secret };
    const made = await service.ask<Any>('POST', CONFIGS, { as: owner, body: { provider: 'GCP', domain: 'SECURITY', options } });
    expect(made.options).toEqual({ webhook_url: 'https://hooks.example/x', webhook_secret: '********' });
    const one = `${CONFIGS}/${made.config_id}`;
    const kept = async () => {
      const context = await service.ask<Any>('GET', '/internal/tenants/acme_corp/run-context', { from: 'executor-service' });
      const { sealed } = context.provider_configs.find((config: Any) => config.config_id === made.config_id).options.webhook_secret;
      return (await service.keys.open('credentials', { tenantId: 'acme_corp', recordId: made.config_id }, sealed)).toString();
    };
    expect(await kept()).toBe(secret);
    const change = (body: object) => service.ask<Any>('PATCH', one, { as: owner, body });
    expect((await change({ options: { ...made.options, webhook_url: 'https://hooks.example/y' } })).options).toEqual({
      webhook_url: 'https://hooks.example/y',
      webhook_secret: '********',
    });
    expect(await kept()).toBe(secret);
    await change({ options: { webhook_secret: 'another' } });
    expect(await kept()).toBe('another');
    expect(JSON.stringify((await service.ask<Any>('GET', CONFIGS, { as: owner })).items)).not.toMatch(/sealed|another|signs/);
    expect(JSON.stringify(service.journal.rows)).not.toContain(secret);
    await expect(change({ options: { webhook_secret: { sealed: 'x' } } })).rejects.toMatchObject({ code: 'request.invalid' });
    expect((await change({ options: {} })).options).toEqual({});
    expect((await change({ options: { webhook_secret: '********' } })).options).toEqual({});
    await service.ask('DELETE', one, { as: owner });
  });

  test.each([{ webhook_token: 'x' }, { auth: { password: 'x' } }, { hooks: [{ webhook_secret: 'x' }] }])(
    'what has the name of a secret and would be kept in clear is refused: %j',
    async (options) => {
      const refused = service.ask('POST', CONFIGS, { as: owner, body: { provider: 'GCP', domain: 'COST', options } });
      await expect(refused).rejects.toMatchObject({ code: 'request.invalid', fields: { errors: [{ in: 'body', path: '/options' }] } });
    },
  );

  test('options are kept in memory, so what is larger than 16 KB is refused', async () => {
    const body = { provider: 'GCP', domain: 'COST', options: { note: 'ü'.repeat(8_190) } };
    const error = { code: 'request.invalid', fields: { errors: [{ in: 'body', path: '/options' }] } };
    await expect(service.ask('POST', CONFIGS, { as: owner, body })).rejects.toMatchObject(error);
    const made = await service.ask<Any>('POST', CONFIGS, { as: owner, body: { ...body, options: { note: 'ü'.repeat(8_180) } } });
    const one = `${CONFIGS}/${made.config_id}`;
    await expect(service.ask('PATCH', one, { as: owner, body: { options: body.options } })).rejects.toMatchObject(error);
    await service.ask('DELETE', one, { as: owner });
  });

  test("the plan's provider limit holds over configurations and credentials together", async () => {
    for (const provider of ['GCP', 'AWS']) await service.ask('POST', CONFIGS, { body: { provider, domain: 'COST' } });
    const credentials = { api_key: 'sk-0123456789abcdefghij' };
    await service.ask('POST', '/tenants/acme_corp/credentials', { body: { provider: 'OPENAI', credential_name: 'o', credentials } });
    await expect(service.ask('POST', CONFIGS, { body: { provider: 'AZURE', domain: 'COST' } })).rejects.toMatchObject({
      code: 'quota.providers_exceeded',
      message: 'The plan STARTER allows 3 providers; in use: AWS, GCP, OPENAI.',
    });
  });

  test.each([
    [{ provider: 'GCP', domain: 'WEATHER' }, '/domain'],
    [{ provider: 'GCP', domain: 'COST', notification_emails: ['nobody'] }, '/notification_emails/0'],
    [{ provider: 'GCP', domain: 'COST', source_dataset: '`; DROP TABLE x' }, '/source_dataset'],
    [{ provider: 'GCP', domain: 'COST', surprise: 1 }, '/surprise'],
  ])('bad input is refused by field: %j', async (body, path) => {
    const refused = await service.ask('POST', CONFIGS, { body }).catch((error: Any) => error);
    expect(refused).toMatchObject({ code: 'request.invalid' });
    expect(refused.fields.errors.map((error: Any) => error.path)).toContain(path);
  });
});
