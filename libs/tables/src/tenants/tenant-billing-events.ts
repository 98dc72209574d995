import type { TableSpec } from '@convergence/ports';

export const tenantBillingEvents: TableSpec = {
  name: 'tenant_billing_events',
  description: 'Events of the billing provider: kept first, processed after. Owned by tenant-service.',
  clusterBy: ['event_id'],
  columns: [
    { name: 'event_id', type: 'STRING', required: true, description: "The provider's id: the same event twice is one row." },
    { name: 'type', type: 'STRING', required: true, description: "The provider's word for what happened." },
    { name: 'created', type: 'TIMESTAMP', required: true, description: "The provider's time." },
    { name: 'received_at', type: 'TIMESTAMP', required: true, description: 'When it arrived.' },
    { name: 'payload', type: 'JSON', required: true, description: 'What processing needs of it.' },
    { name: 'status', type: 'STRING', required: true, description: 'RECEIVED, PROCESSED, IGNORED or FAILED.' },
    { name: 'attempts', type: 'INT64', required: true, description: 'How often it was tried.' },
    { name: 'next_attempt_at', type: 'TIMESTAMP', description: 'When it is tried again.' },
    { name: 'last_error', type: 'STRING', description: 'Why it failed last.' },
  ],
};
