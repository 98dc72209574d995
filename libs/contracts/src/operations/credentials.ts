import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { PROVIDERS } from '../plans.ts';
import { nullable, page, pageQuery, TenantIdField, TimeField } from './fields.ts';

/** Credentials of a tenant's own cloud and AI-provider accounts. Secrets go in and never come out. */
const closed = { additionalProperties: false } as const;
export const CREDENTIAL_TYPES = ['SERVICE_ACCOUNT', 'ACCESS_KEY', 'ROLE', 'CLIENT_SECRET', 'ADMIN_KEY'] as const;
export type CredentialType = (typeof CREDENTIAL_TYPES)[number];
const CredentialName = Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f\\u007f]+$' });
const ProjectId = Type.String({ minLength: 1, maxLength: 100, pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$' });
const Secrets = Type.Record(Type.String({ maxLength: 100 }), Type.Unknown(), {
  description: "The provider's own fields: a service-account file, an access key, a client secret, an admin key.",
});

export const CredentialItem = Type.Object({
  credential_id: Type.String(),
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  provider: Type.Enum([...PROVIDERS]),
  credential_type: Type.Enum([...CREDENTIAL_TYPES]),
  credential_name: Type.String(),
  project_id: nullable(Type.String()),
  /** What tells credentials apart without giving anything away: a client e-mail, an account, the last four characters. */
  credential_hint: Type.String(),
  is_active: Type.Boolean(),
  created_at: TimeField,
  updated_at: TimeField,
});
export type CredentialItem = Static<typeof CredentialItem>;

export const CredentialCreate = Type.Object(
  {
    provider: Type.Enum([...PROVIDERS]),
    credential_type: Type.Optional(Type.Enum([...CREDENTIAL_TYPES])),
    credential_name: CredentialName,
    credentials: Secrets,
    project_id: Type.Optional(ProjectId),
  },
  closed,
);
export type CredentialCreate = Static<typeof CredentialCreate>;
export const CredentialChange = Type.Object(
  {
    credential_name: Type.Optional(CredentialName),
    credentials: Type.Optional(Secrets),
    project_id: Type.Optional(nullable(ProjectId)),
    is_active: Type.Optional(Type.Boolean()),
  },
  { ...closed, minProperties: 1 },
);
export type CredentialChange = Static<typeof CredentialChange>;

const ofTenant = Type.Object({ tenant_id: TenantIdField });
const one = Type.Object({ tenant_id: TenantIdField, credential_id: Type.String({ minLength: 1, maxLength: 100 }) });
const all = '/api/v1/tenants/{tenant_id}/credentials';
const common = { owner: 'tenant-service', auth: 'tenant' } as const;

export const credentialsList = defineOperation({
  ...common,
  id: 'credentials.list',
  method: 'GET',
  path: all,
  summary: 'Credentials, without their secrets',
  scope: 'tenant:read',
  params: ofTenant,
  query: Type.Object(pageQuery, closed),
  response: page(CredentialItem),
  errors: ['tenant.not_found'],
});
export const credentialsCreate = defineOperation({
  ...common,
  id: 'credentials.create',
  method: 'POST',
  path: all,
  summary: 'Add a credential: checked for the shape its provider asks for, then sealed',
  scope: 'tenant:write',
  params: ofTenant,
  body: CredentialCreate,
  response: CredentialItem,
  errors: [
    'tenant.not_found',
    'credential.invalid',
    'credential.not_found',
    'quota.providers_exceeded',
    'owner.changing',
    'service.unavailable',
  ],
});
export const credentialsChange = defineOperation({
  ...common,
  id: 'credentials.change',
  method: 'PATCH',
  path: `${all}/{credential_id}`,
  summary: 'Rename, replace the secret, switch on or off',
  scope: 'tenant:write',
  params: one,
  body: CredentialChange,
  response: CredentialItem,
  errors: [
    'tenant.not_found',
    'credential.not_found',
    'credential.invalid',
    'quota.providers_exceeded',
    'owner.changing',
    'service.unavailable',
  ],
});
export const credentialsRemove = defineOperation({
  ...common,
  id: 'credentials.remove',
  method: 'DELETE',
  path: `${all}/{credential_id}`,
  summary: 'Remove a credential and its secret',
  scope: 'tenant:write',
  params: one,
  response: CredentialItem,
  errors: ['tenant.not_found', 'credential.not_found', 'owner.changing'],
});
