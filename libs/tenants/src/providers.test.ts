import type { Provider } from '@convergence/contracts';
import { given } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import type { Tenant } from './state.ts';
import { onboarded, TENANTS } from './testing/sample.ts';

const credential = (credential_id: string, provider: Provider) =>
  ({
    kind: 'add-credential',
    tenant_id: 'acme',
    credential: {
      credential_id,
      provider,
      credential_type: 'ADMIN_KEY',
      credential_name: 'n',
      project_id: null,
      credential_hint: '',
      sealed: `sealed-${credential_id}`,
    },
  }) as const;
const config = (config_id: string, provider: Provider) =>
  ({
    kind: 'add-provider-config',
    tenant_id: 'acme',
    config: { config_id, provider, domain: 'COST', source_project_id: null, source_dataset: null, notification_emails: [], options: {} },
  }) as const;

describe('providers', () => {
  test('the plan limits distinct providers over credentials and configurations together', () => {
    given(TENANTS, [onboarded()])
      .when(credential('c1', 'GCP'))
      .thenReply(null)
      .when(credential('c2', 'GCP'))
      .thenReply(null)
      .when(config('p1', 'AWS'))
      .thenReply(null)
      .when(credential('c3', 'OPENAI'))
      .thenReply(null)
      .when(credential('c4', 'CLAUDE'))
      .thenRefused('quota.providers_exceeded')
      .when(config('p2', 'AZURE'))
      .thenRefused('quota.providers_exceeded');
  });

  test('what is there already is not added again, whatever the plan has room for', () => {
    const { state, when } = given(TENANTS, [onboarded()]);
    for (const command of [credential('c1', 'GCP'), config('p1', 'AWS'), config('p2', 'AZURE')]) when(command).thenReply(null);
    when({ kind: 'change-credential', tenant_id: 'acme', credential_id: 'c1', change: { credential_name: 'renamed' } }).thenReply(null);
    for (const command of [credential('c1', 'CLAUDE'), config('p1', 'CLAUDE')]) when(command).thenReply(null);
    const { credentials, provider_configs } = state.tenants.get('acme' as Tenant['tenant_id']) as Tenant;
    expect(credentials.map(({ credential_name }) => credential_name)).toEqual(['renamed']);
    expect(provider_configs.map(({ config_id }) => config_id)).toEqual(['p1', 'p2']);
  });

  test('removing or switching off makes room; switching on again asks for it', () => {
    const { when } = given(TENANTS, [onboarded()]);
    for (const command of [credential('c1', 'GCP'), credential('c2', 'AWS'), credential('c3', 'OPENAI')]) when(command).thenReply(null);
    when({ kind: 'change-credential', tenant_id: 'acme', credential_id: 'c1', change: { is_active: false } }).thenReply(null);
    when(credential('c4', 'CLAUDE')).thenReply(null);
    when({ kind: 'change-credential', tenant_id: 'acme', credential_id: 'c1', change: { is_active: true } }).thenRefused(
      'quota.providers_exceeded',
    );
    when({ kind: 'remove-credential', tenant_id: 'acme', credential_id: 'c2' }).thenReply(null);
    when({ kind: 'change-credential', tenant_id: 'acme', credential_id: 'c1', change: { is_active: true } }).thenReply(null);
  });

  test('a removed credential leaves no secret behind', () => {
    const { state, when } = given(TENANTS, [onboarded()]);
    when(credential('c1', 'GCP')).thenReply(null);
    when({ kind: 'remove-credential', tenant_id: 'acme', credential_id: 'c1' }).thenReply(null);
    expect(JSON.stringify(state.tenants.get('acme' as Tenant['tenant_id']))).not.toContain('sealed-c1');
  });

  test("another tenant's ids are not found", () => {
    const { when } = given(TENANTS, [onboarded(), onboarded('globex', 'STARTER', 2)]);
    when(credential('c1', 'GCP')).thenReply(null);
    when(config('p1', 'GCP')).thenReply(null);
    when({ kind: 'remove-credential', tenant_id: 'globex', credential_id: 'c1' }).thenRefused('credential.not_found');
    when({ kind: 'change-provider-config', tenant_id: 'globex', config_id: 'p1', change: {} }).thenRefused('provider_config.not_found');
  });
});
