import type { TableSpec } from '@convergence/ports';

export const scheduledPipelineRuns: TableSpec = {
  name: 'scheduled_pipeline_runs',
  description: 'Every fire that was queued and what became of it. Owned by scheduler-service.',
  partitionBy: { column: 'scheduled_time', granularity: 'DAY' },
  clusterBy: ['tenant_id', 'state'],
  columns: [
    { name: 'run_id', type: 'STRING', required: true, description: 'The scheduled run; the same for all its attempts.' },
    { name: 'config_id', type: 'STRING', description: 'Its schedule; NULL for a date of a backfill.' },
    { name: 'backfill_id', type: 'STRING', description: 'Its backfill, if it belongs to one.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'Whose run.' },
    { name: 'pipeline_id', type: 'STRING', required: true, description: '{tenant}-{provider}-{domain}-{template}.' },
    { name: 'state', type: 'STRING', required: true, description: 'PENDING, RUNNING, COMPLETED or FAILED.' },
    { name: 'scheduled_time', type: 'TIMESTAMP', required: true, description: 'The fire time.' },
    { name: 'actual_start_time', type: 'TIMESTAMP', description: 'When the current or last attempt was dispatched.' },
    { name: 'priority', type: 'INT64', description: 'Priority of its schedule when it fired.' },
    { name: 'parameters', type: 'JSON', description: 'Parameters with the variables of the fire time filled in.' },
    { name: 'pipeline_logging_id', type: 'STRING', description: 'The run of the current or last attempt in x_meta_pipeline_runs.' },
    { name: 'retry_count', type: 'INT64', description: 'Retries so far.' },
    { name: 'max_retries', type: 'INT64', description: 'Retries allowed.' },
    { name: 'error_message', type: 'STRING', description: 'What went wrong last.' },
    {
      name: 'end_reason',
      type: 'STRING',
      description: 'completed, failed, retries_exhausted, cancelled, expired, refused or attempts_exhausted.',
    },
    { name: 'completed_at', type: 'TIMESTAMP', description: 'When it completed.' },
    { name: 'failed_at', type: 'TIMESTAMP', description: 'When it failed for good.' },
    { name: 'created_at', type: 'TIMESTAMP', description: 'When it was queued.' },
    { name: 'updated_at', type: 'TIMESTAMP', description: 'When it changed last.' },
  ],
};
