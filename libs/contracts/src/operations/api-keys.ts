import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { SCOPES } from '../plans.ts';
import { nullable, page, pageQuery, TenantIdField, TimeField } from './fields.ts';

/** API keys. The key itself is shown by the answer that made it, and to the same request under its Idempotency-Key; nobody else can read it back. */
const closed = { additionalProperties: false } as const;
const Scopes = Type.Array(Type.Enum([...SCOPES], { type: 'string' }), { minItems: 1, maxItems: SCOPES.length, uniqueItems: true });

export const ApiKeyItem = Type.Object({
  api_key_id: Type.String(),
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  key_name: nullable(Type.String()),
  scopes: Type.Array(Type.String()),
  is_active: Type.Boolean(),
  created_at: TimeField,
  expires_at: nullable(TimeField),
  last_used_at: nullable(TimeField),
  revoked_at: nullable(TimeField),
  /** The key that took over when this one was rotated. */
  rotated_to: nullable(Type.String()),
  /** From then on the key should be rotated: 90 days after it was made, or a week before it expires, at the earliest when half of its life is over. */
  rotation_due_at: TimeField,
  rotation_due: Type.Boolean(),
});
export type ApiKeyItem = Static<typeof ApiKeyItem>;
export const NewApiKey = Type.Object({
  ...ApiKeyItem.properties,
  api_key: Type.String({ description: 'Shown by the answer that made it alone; to the same request under its Idempotency-Key for a day.' }),
});
export type NewApiKey = Static<typeof NewApiKey>;

export const ApiKeyCreate = Type.Object(
  {
    key_name: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })),
    scopes: Type.Optional(Scopes),
    expires_in_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 })),
  },
  closed,
);
export type ApiKeyCreate = Static<typeof ApiKeyCreate>;

const ofTenant = Type.Object({ tenant_id: TenantIdField });
const one = Type.Object({ tenant_id: TenantIdField, api_key_id: Type.String({ minLength: 1, maxLength: 100 }) });
const all = '/api/v1/tenants/{tenant_id}/api-keys';
const common = { owner: 'tenant-service', auth: 'tenant' } as const;

export const apiKeysList = defineOperation({
  ...common,
  id: 'api-keys.list',
  method: 'GET',
  path: all,
  summary: 'API keys, without the keys themselves',
  scope: 'tenant:read',
  params: ofTenant,
  query: Type.Object(pageQuery, closed),
  response: page(ApiKeyItem),
  errors: ['tenant.not_found'],
});
export const apiKeysCreate = defineOperation({
  ...common,
  id: 'api-keys.create',
  method: 'POST',
  path: all,
  summary: 'Make a key; a key can not give scopes that it lacks itself',
  scope: 'tenant:write',
  params: ofTenant,
  body: ApiKeyCreate,
  bodyOptional: true,
  response: NewApiKey,
  errors: ['tenant.not_found', 'auth.scope_missing', 'owner.changing', 'service.unavailable'],
});
export const apiKeysRevoke = defineOperation({
  ...common,
  id: 'api-keys.revoke',
  method: 'DELETE',
  path: `${all}/{api_key_id}`,
  summary: 'Revoke a key; every gateway forgets it within seconds',
  scope: 'tenant:write',
  params: one,
  response: ApiKeyItem,
  errors: ['tenant.not_found', 'api_key.not_found', 'owner.changing'],
});
export const apiKeysRotate = defineOperation({
  ...common,
  id: 'api-keys.rotate',
  method: 'POST',
  path: `${all}/{api_key_id}/rotate`,
  summary: 'Make a successor; the old key works on for the overlap',
  scope: 'tenant:write',
  params: one,
  body: Type.Object({ overlap_hours: Type.Integer({ minimum: 0, maximum: 720, default: 24 }) }, { ...closed, required: [] }),
  bodyOptional: true,
  response: NewApiKey,
  errors: ['tenant.not_found', 'api_key.not_found', 'auth.scope_missing', 'owner.changing', 'service.unavailable'],
});
