import type { TableSpec } from '@convergence/ports';

export const tenantProviderConfigs: TableSpec = {
  name: 'tenant_provider_configs',
  description: 'Where the data of a provider and domain is, and whom to tell. Owned by tenant-service.',
  clusterBy: ['tenant_id', 'provider'],
  columns: [
    { name: 'config_id', type: 'STRING', required: true, description: 'The configuration.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'provider', type: 'STRING', required: true, description: 'GCP, AWS, AZURE, OPENAI or CLAUDE.' },
    { name: 'domain', type: 'STRING', required: true, description: 'COST, SECURITY, COMPLIANCE, OBSERVABILITY or EXAMPLE.' },
    { name: 'source_project_id', type: 'STRING', description: "The tenant's own project or account." },
    { name: 'source_dataset', type: 'STRING', description: "Dataset, bucket or the like with the tenant's data." },
    { name: 'notification_emails', type: 'ARRAY<STRING>', description: 'Whom to tell about runs.' },
    { name: 'options', type: 'JSON', description: 'Whatever else templates read.' },
    { name: 'is_active', type: 'BOOL', required: true, description: 'FALSE: not used.' },
    { name: 'created_at', type: 'TIMESTAMP', required: true, description: 'When it was made.' },
    { name: 'updated_at', type: 'TIMESTAMP', required: true, description: 'When it changed last.' },
  ],
};
