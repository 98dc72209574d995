import type { TableSpec } from '@convergence/ports';

export const schedulerTenants: TableSpec = {
  name: 'scheduler_tenants',
  description: 'What the scheduler was told of each tenant, and how its scheduled runs of the day ended. Owned by scheduler-service.',
  clusterBy: ['tenant_id'],
  columns: [
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'status', type: 'STRING', required: true, description: 'ACTIVE, SUSPENDED or CANCELLED, as tenant-service said last.' },
    { name: 'weight', type: 'INT64', required: true, description: 'Its share in the queue, by plan.' },
    { name: 'counted_day', type: 'DATE', description: 'The UTC day that the two counts are of; NULL before its first end of a run.' },
    { name: 'runs_completed', type: 'INT64', required: true, description: 'Scheduled runs that completed on that day.' },
    { name: 'runs_failed', type: 'INT64', required: true, description: 'Scheduled runs that failed on that day.' },
  ],
};
