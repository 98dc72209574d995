import type { TableSpec } from '@convergence/ports';

export const tenantCloudCredentials: TableSpec = {
  name: 'tenant_cloud_credentials',
  description: "Credentials of tenants' own accounts, sealed. Owned by tenant-service.",
  clusterBy: ['tenant_id', 'provider'],
  columns: [
    { name: 'credential_id', type: 'STRING', required: true, description: 'The credential.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'provider', type: 'STRING', required: true, description: 'GCP, AWS, AZURE, OPENAI or CLAUDE.' },
    {
      name: 'credential_type',
      type: 'STRING',
      required: true,
      description: 'SERVICE_ACCOUNT, ACCESS_KEY, ROLE, CLIENT_SECRET or ADMIN_KEY.',
    },
    { name: 'credential_name', type: 'STRING', required: true, description: 'What its owner calls it.' },
    {
      name: 'encrypted_credentials',
      type: 'BYTES',
      required: true,
      description: 'The secret, sealed with KMS envelope encryption and bound to tenant and credential id.',
    },
    { name: 'project_id', type: 'STRING', description: 'Project or account that it is for.' },
    { name: 'credential_hint', type: 'STRING', description: 'What tells it apart without giving anything away.' },
    { name: 'is_active', type: 'BOOL', required: true, description: 'FALSE: not used.' },
    { name: 'created_at', type: 'TIMESTAMP', required: true, description: 'When it was made.' },
    { name: 'updated_at', type: 'TIMESTAMP', required: true, description: 'When it changed last.' },
  ],
};
