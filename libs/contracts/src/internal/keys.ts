import Type, { type Static } from 'typebox';

/** POST tenant-service /internal/api-keys/lookup: who holds the key with this SHA-256 (hex)? */
export const KeyLookupRequest = Type.Object({ api_key_hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) });
export const KeyLookupResponse = Type.Object({
  key: Type.Union([
    Type.Null(),
    Type.Object({
      api_key_id: Type.String(),
      tenant_id: Type.String(),
      scopes: Type.Array(Type.String()),
      expires_at: Type.Union([Type.String(), Type.Null()]),
      tenant_status: Type.Enum(['ACTIVE', 'SUSPENDED', 'CANCELLED']),
    }),
  ]),
});
export type KeyLookupResponse = Static<typeof KeyLookupResponse>;

/** POST tenant-service /internal/api-keys/used: gateways tell in batches which keys were used. */
export const KeysUsedRequest = Type.Object({
  used: Type.Array(Type.Object({ api_key_id: Type.String(), at: Type.String() }), { maxItems: 5000 }),
});

/** GET tenant-service /internal/tenants/{id}/run-context: what an executor needs of a tenant, secrets still sealed. */
export const RunContextResponse = Type.Object({
  tenant_id: Type.String(),
  company_name: Type.String(),
  admin_email: Type.String(),
  dataset: Type.String(),
  plan: Type.String(),
  status: Type.String(),
  credentials: Type.Array(
    Type.Object({
      credential_id: Type.String(),
      provider: Type.String(),
      credential_type: Type.String(),
      credential_name: Type.String(),
      project_id: Type.Union([Type.String(), Type.Null()]),
      /** libs/ports Keys.open takes it back, bound to tenant and credential. */
      sealed: Type.String(),
    }),
  ),
  provider_configs: Type.Array(
    Type.Object({
      config_id: Type.String(),
      provider: Type.String(),
      domain: Type.String(),
      source_project_id: Type.Union([Type.String(), Type.Null()]),
      source_dataset: Type.Union([Type.String(), Type.Null()]),
      notification_emails: Type.Array(Type.String()),
      options: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
});
export type RunContextResponse = Static<typeof RunContextResponse>;
