import type { TableSpec } from '@convergence/ports';

export const tenantApiKeys: TableSpec = {
  name: 'tenant_api_keys',
  description:
    'API keys, as SHA-256 and as a sealed copy; never in clear. Owned by tenant-service; by hand a key can be switched off or given an earlier end.',
  clusterBy: ['api_key_hash', 'tenant_id'],
  columns: [
    { name: 'api_key_id', type: 'STRING', required: true, description: 'The key.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'api_key_hash', type: 'STRING', required: true, description: 'SHA-256 of the key, hex: how it is looked up.' },
    {
      name: 'encrypted_api_key',
      type: 'BYTES',
      required: true,
      description: 'The key, sealed with KMS envelope encryption and bound to tenant and key id.',
    },
    { name: 'key_name', type: 'STRING', description: 'What its owner calls it.' },
    { name: 'scopes', type: 'ARRAY<STRING>', description: 'What it may do.' },
    { name: 'is_active', type: 'BOOL', required: true, description: 'FALSE: revoked.' },
    { name: 'created_at', type: 'TIMESTAMP', required: true, description: 'When it was made.' },
    { name: 'expires_at', type: 'TIMESTAMP', description: 'From then on it does not work; NULL: it does not expire.' },
    { name: 'last_used_at', type: 'TIMESTAMP', description: 'When it was used last, to about a minute.' },
    { name: 'revoked_at', type: 'TIMESTAMP', description: 'When it was revoked.' },
    { name: 'rotated_to', type: 'STRING', description: 'The key that took over.' },
  ],
};
