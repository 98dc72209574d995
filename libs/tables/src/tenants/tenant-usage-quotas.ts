import type { TableSpec } from '@convergence/ports';

export const tenantUsageQuotas: TableSpec = {
  name: 'tenant_usage_quotas',
  description:
    'Usage per tenant and UTC day, kept for 90 days. Owned by tenant-service; a count of the running day set to 0 by hand is taken over.',
  partitionBy: { column: 'usage_date', granularity: 'DAY' },
  clusterBy: ['tenant_id'],
  columns: [
    { name: 'usage_id', type: 'STRING', required: true, description: '{tenant_id}_{YYYYMMDD}' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'usage_date', type: 'DATE', required: true, description: 'The UTC day.' },
    { name: 'pipelines_run_today', type: 'INT64', required: true, description: 'Runs admitted on this day and not refunded.' },
    { name: 'pipelines_succeeded_today', type: 'INT64', required: true, description: 'Of these, how many succeeded.' },
    { name: 'pipelines_failed_today', type: 'INT64', required: true, description: 'Of these, how many failed.' },
    {
      name: 'pipelines_cancelled_today',
      type: 'INT64',
      required: true,
      description: 'Of these, how many were cancelled after they had begun.',
    },
    { name: 'pipelines_run_month', type: 'INT64', required: true, description: 'Runs of the month up to and including this day.' },
    {
      name: 'concurrent_pipelines_running',
      type: 'INT64',
      required: true,
      description: 'Live reservations, whatever day they began; 0 on past days.',
    },
    { name: 'max_concurrent_reached', type: 'INT64', required: true, description: 'Most live reservations at the same time on this day.' },
    { name: 'daily_limit', type: 'INT64', required: true, description: 'Limit when the row was written.' },
    { name: 'monthly_limit', type: 'INT64', required: true, description: 'Limit when the row was written.' },
    { name: 'concurrent_limit', type: 'INT64', required: true, description: 'Limit when the row was written.' },
    { name: 'remaining', type: 'INT64', required: true, description: 'What is left of the day.' },
    { name: 'quota_exceeded', type: 'BOOL', required: true, description: 'Nothing is left of the day or the month.' },
    { name: 'quota_warning_sent', type: 'BOOL', required: true, description: '80 % of the day are used.' },
    { name: 'last_updated', type: 'TIMESTAMP', required: true, description: 'When a count changed last.' },
  ],
};
