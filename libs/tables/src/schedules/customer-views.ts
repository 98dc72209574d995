import type { ViewSpec } from '@convergence/ports';

/** The scheduler's tables and views under their names of the customers' dataset, each with customer_id. `tenants` is the quoted dataset. */
const NAMES = {
  customer_pipeline_configs: 'tenant_pipeline_configs',
  scheduled_pipeline_runs: 'scheduled_pipeline_runs',
  pipeline_execution_queue: 'pipeline_execution_queue',
} as const;
const SAME = ['pipelines_due_now', 'currently_running_pipelines', 'pipeline_execution_stats_7d', 'pending_queue_items'] as const;

export const scheduleCustomerViews = (tenants: string): readonly ViewSpec[] => [
  ...Object.entries(NAMES).map(([name, table]) => ({
    name,
    description: `${table} under its customer name.`,
    sql: `SELECT tenant_id AS customer_id, * FROM ${tenants}.${table} WHERE x_deleted IS NOT TRUE`,
  })),
  ...SAME.map((name) => ({ name, description: `${name} of the tenants' dataset.`, sql: `SELECT * FROM ${tenants}.${name}` })),
];
