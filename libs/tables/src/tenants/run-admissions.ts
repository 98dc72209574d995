import type { TableSpec } from '@convergence/ports';

export const runAdmissions: TableSpec = {
  name: 'run_admissions',
  description: 'Reservations: one row a run that was let in. Limits are computed from the live ones. Owned by tenant-service.',
  partitionBy: { column: 'admitted_at', granularity: 'DAY', expirationDays: 90 },
  clusterBy: ['tenant_id', 'run_id'],
  columns: [
    { name: 'run_id', type: 'STRING', required: true, description: 'The run, also called pipeline_logging_id.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'pipeline_id', type: 'STRING', required: true, description: '{tenant}-{provider}-{domain}-{template}' },
    { name: 'parameters_hash', type: 'STRING', required: true, description: 'With pipeline_id: the same run.' },
    { name: 'trigger_type', type: 'STRING', required: true, description: 'api, scheduler, onboarding, backfill or retry.' },
    { name: 'spec', type: 'JSON', required: true, description: 'The whole run as it was asked for.' },
    { name: 'usage_date', type: 'DATE', required: true, description: 'The UTC day that it counts against.' },
    { name: 'counted', type: 'BOOL', required: true, description: "FALSE: the house's own dry run, which uses up nothing." },
    { name: 'admitted_at', type: 'TIMESTAMP', required: true, description: 'When it was let in.' },
    { name: 'started_at', type: 'TIMESTAMP', description: 'When an executor began.' },
    { name: 'heartbeat_at', type: 'TIMESTAMP', description: 'When its executor was heard of last.' },
    { name: 'ended_at', type: 'TIMESTAMP', description: 'When the reservation ended; NULL while it lives.' },
    { name: 'outcome', type: 'STRING', description: 'succeeded, failed, cancelled, refunded or orphaned.' },
  ],
};
