import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { DOMAINS, PROVIDERS } from '../plans.ts';
import { nullable, page, pageQuery, TenantIdField, TimeField } from './fields.ts';

/** Where a tenant's data of a provider and domain is found, and whom to tell. */
const closed = { additionalProperties: false } as const;
const SourceName = Type.String({ minLength: 1, maxLength: 200, pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$' });
const Emails = Type.Array(Type.String({ format: 'email', maxLength: 254 }), { maxItems: 20, uniqueItems: true });
/** Options that are kept sealed and shown to nobody. */
export const SECRET_OPTIONS: ReadonlySet<string> = new Set(['webhook_secret', 'slack_webhook_url']);
const Options = Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{0,63}$' }), Type.Unknown(), {
  description:
    'webhook_secret and slack_webhook_url are kept sealed and never shown again: ******** stands for them, and sent back leaves them as they are. Everything else is kept in clear; what has the name of a secret is refused.',
});

const settings = {
  source_project_id: Type.Optional(nullable(SourceName)),
  source_dataset: Type.Optional(nullable(SourceName)),
  notification_emails: Type.Optional(Emails),
  options: Type.Optional(Options),
};

export const ProviderConfigItem = Type.Object({
  config_id: Type.String(),
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  provider: Type.Enum([...PROVIDERS]),
  domain: Type.Enum([...DOMAINS]),
  source_project_id: nullable(Type.String()),
  source_dataset: nullable(Type.String()),
  notification_emails: Type.Array(Type.String()),
  options: Type.Record(Type.String(), Type.Unknown()),
  is_active: Type.Boolean(),
  created_at: TimeField,
  updated_at: TimeField,
});
export type ProviderConfigItem = Static<typeof ProviderConfigItem>;

export const ProviderConfigCreate = Type.Object(
  { provider: Type.Enum([...PROVIDERS]), domain: Type.Enum([...DOMAINS]), ...settings },
  closed,
);
export type ProviderConfigCreate = Static<typeof ProviderConfigCreate>;
export const ProviderConfigChange = Type.Object({ ...settings, is_active: Type.Optional(Type.Boolean()) }, { ...closed, minProperties: 1 });
export type ProviderConfigChange = Static<typeof ProviderConfigChange>;

const ofTenant = Type.Object({ tenant_id: TenantIdField });
const one = Type.Object({ tenant_id: TenantIdField, config_id: Type.String({ minLength: 1, maxLength: 100 }) });
const all = '/api/v1/tenants/{tenant_id}/provider-configs';
const common = { owner: 'tenant-service', auth: 'tenant' } as const;

export const providerConfigsList = defineOperation({
  ...common,
  id: 'provider-configs.list',
  method: 'GET',
  path: all,
  summary: 'Provider configurations',
  scope: 'tenant:read',
  params: ofTenant,
  query: Type.Object(pageQuery, closed),
  response: page(ProviderConfigItem),
  errors: ['tenant.not_found'],
});
export const providerConfigsCreate = defineOperation({
  ...common,
  id: 'provider-configs.create',
  method: 'POST',
  path: all,
  summary: 'Say where the data of a provider and domain is',
  scope: 'tenant:write',
  params: ofTenant,
  body: ProviderConfigCreate,
  response: ProviderConfigItem,
  errors: ['tenant.not_found', 'provider_config.not_found', 'quota.providers_exceeded', 'owner.changing'],
});
export const providerConfigsChange = defineOperation({
  ...common,
  id: 'provider-configs.change',
  method: 'PATCH',
  path: `${all}/{config_id}`,
  summary: 'Change a provider configuration; what is not named stays',
  scope: 'tenant:write',
  params: one,
  body: ProviderConfigChange,
  response: ProviderConfigItem,
  errors: ['tenant.not_found', 'provider_config.not_found', 'quota.providers_exceeded', 'owner.changing'],
});
export const providerConfigsRemove = defineOperation({
  ...common,
  id: 'provider-configs.remove',
  method: 'DELETE',
  path: `${all}/{config_id}`,
  summary: 'Remove a provider configuration',
  scope: 'tenant:write',
  params: one,
  response: ProviderConfigItem,
  errors: ['tenant.not_found', 'provider_config.not_found', 'owner.changing'],
});
