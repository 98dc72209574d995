import type { ViewSpec } from '@convergence/ports';

/** The seeds' four monitoring views. `{tenants}` is the quoted dataset. */
export const schedulerViews = (tenants: string): readonly ViewSpec[] => [
  {
    name: 'pipelines_due_now',
    description: 'Active schedules of active tenants whose time has come.',
    sql: `SELECT c.config_id, c.tenant_id, c.tenant_id AS customer_id, c.provider, c.domain, c.pipeline_template, c.schedule_cron, c.timezone,
  c.parameters, c.priority, c.next_run_time, TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), c.next_run_time, MINUTE) AS minutes_late
FROM ${tenants}.tenant_pipeline_configs AS c
JOIN ${tenants}.tenant_profiles AS p ON c.tenant_id = p.tenant_id
WHERE c.is_active AND p.status = 'ACTIVE' AND c.next_run_time <= CURRENT_TIMESTAMP()`,
  },
  {
    name: 'currently_running_pipelines',
    description: 'Scheduled runs that an executor works on.',
    sql: `SELECT r.run_id, r.config_id, r.tenant_id, r.tenant_id AS customer_id, r.pipeline_id, r.state, r.scheduled_time, r.actual_start_time,
  r.pipeline_logging_id, TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), r.actual_start_time, MINUTE) AS running_minutes
FROM ${tenants}.scheduled_pipeline_runs AS r
WHERE r.state = 'RUNNING'`,
  },
  {
    name: 'pipeline_execution_stats_7d',
    description: 'How the scheduled runs of the last seven days ended, by tenant and pipeline.',
    sql: `SELECT r.tenant_id, r.tenant_id AS customer_id, r.pipeline_id, COUNT(*) AS total_runs,
  COUNTIF(r.state = 'COMPLETED') AS successful_runs, COUNTIF(r.state = 'FAILED') AS failed_runs,
  ROUND(100 * SAFE_DIVIDE(COUNTIF(r.state = 'COMPLETED'), COUNTIF(r.state IN ('COMPLETED', 'FAILED'))), 2) AS success_rate,
  AVG(TIMESTAMP_DIFF(r.completed_at, r.actual_start_time, SECOND)) AS avg_duration_seconds
FROM ${tenants}.scheduled_pipeline_runs AS r
WHERE r.scheduled_time >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
GROUP BY r.tenant_id, r.pipeline_id`,
  },
  {
    name: 'pending_queue_items',
    description: 'What waits in the queue, oldest first.',
    sql: `SELECT q.run_id, q.tenant_id, q.tenant_id AS customer_id, q.pipeline_id, q.priority, q.scheduled_time, q.added_at, q.waiting_gate,
  q.waiting_detail, TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), q.added_at, MINUTE) AS waiting_minutes
FROM ${tenants}.pipeline_execution_queue AS q
WHERE q.state = 'QUEUED' AND q.x_deleted IS NOT TRUE`,
  },
];
