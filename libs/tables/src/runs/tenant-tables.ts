import type { TableSpec, ViewSpec } from '@convergence/ports';

/**
 * What every tenant's dataset holds beside its business tables. Onboarding creates it; executors append to it. A new column, which can not
 * be required, comes to the tables of tenants that are there when something reads or writes it (executor-service, operational-tables.ts).
 */
export const stepLogs: TableSpec = {
  name: 'x_meta_step_logs',
  description: 'One row for each step that ended.',
  partitionBy: { column: 'start_time', granularity: 'DAY' },
  clusterBy: ['pipeline_logging_id', 'status'],
  columns: [
    {
      name: 'step_log_id',
      type: 'STRING',
      required: true,
      description: 'Same run, step and attempt: same id. A resent row is seen by it.',
    },
    { name: 'pipeline_logging_id', type: 'STRING', required: true, description: 'The run.' },
    { name: 'pipeline_id', type: 'STRING', description: '{tenant}-{provider}-{domain}-{template}.' },
    { name: 'tenant_id', type: 'STRING', description: 'Whose run.' },
    { name: 'user_id', type: 'STRING', description: 'The user on whose behalf; NULL for runs of a schedule.' },
    { name: 'step_name', type: 'STRING', required: true, description: "The step's id in the template." },
    { name: 'step_type', type: 'STRING', description: 'bigquery.query, dq.check...' },
    { name: 'status', type: 'STRING', required: true, description: 'COMPLETE, FAILED, SKIPPED or CANCELLED.' },
    { name: 'start_time', type: 'TIMESTAMP', required: true, description: 'When it began.' },
    { name: 'end_time', type: 'TIMESTAMP', description: 'When it ended.' },
    { name: 'duration_ms', type: 'INT64', description: 'From start_time to end_time.' },
    { name: 'rows_processed', type: 'INT64', description: 'Rows of its result.' },
    { name: 'error_message', type: 'STRING', description: 'What went wrong, in words.' },
    { name: 'error_code', type: 'STRING', description: 'What went wrong, as a stable code.' },
    { name: 'error_class', type: 'STRING', description: 'What kind of thing went wrong.' },
    { name: 'error_hint', type: 'STRING', description: 'What can be done about it.' },
    { name: 'retryable', type: 'BOOL', description: 'Of a step that failed: whether it may succeed by itself later.' },
    { name: 'retry_count', type: 'INT64', description: 'Attempts after the first.' },
    { name: 'outputs', type: 'JSON', description: 'What later steps may read.' },
    { name: 'control_totals', type: 'JSON', description: 'Rows, sums, first and last time of source and result.' },
    { name: 'executor', type: 'STRING', description: 'The instance that did it.' },
    { name: 'trace_id', type: 'STRING', description: 'The trace from the request to here.' },
  ],
};

export const dqResults: TableSpec = {
  name: 'x_meta_dq_results',
  description: 'One row for each data quality rule of each run.',
  partitionBy: { column: 'ingestion_date', granularity: 'DAY' },
  clusterBy: ['tenant_id', 'target_table', 'overall_status'],
  columns: [
    { name: 'dq_result_id', type: 'STRING', required: true, description: 'Same run, step and rule: same id.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'Whose run.' },
    { name: 'pipeline_logging_id', type: 'STRING', required: true, description: 'The run.' },
    { name: 'pipeline_id', type: 'STRING', description: '{tenant}-{provider}-{domain}-{template}.' },
    { name: 'user_id', type: 'STRING', description: 'The user on whose behalf; NULL for runs of a schedule.' },
    { name: 'step_name', type: 'STRING', required: true, description: "The step's id in the template." },
    { name: 'target_table', type: 'STRING', required: true, description: 'The table checked.' },
    { name: 'rule', type: 'STRING', required: true, description: 'not_null, unique, between...' },
    { name: 'column', type: 'STRING', description: 'The column checked, where it is one.' },
    { name: 'severity', type: 'STRING', required: true, description: 'error fails the run, warn does not.' },
    { name: 'status', type: 'STRING', required: true, description: 'passed, failed or warned.' },
    { name: 'rows_checked', type: 'INT64', description: 'Rows looked at.' },
    { name: 'rows_failed', type: 'INT64', description: 'Rows that break the rule.' },
    { name: 'expected', type: 'STRING', description: 'What the rule asks for.' },
    { name: 'actual', type: 'STRING', description: 'What was found.' },
    { name: 'sample', type: 'JSON', description: 'A few of the rows that break the rule.' },
    { name: 'validation_rules', type: 'JSON', description: 'The rule as the template has it.' },
    { name: 'overall_status', type: 'STRING', required: true, description: 'Of the whole step: PASS, WARN or FAIL.' },
    { name: 'validation_timestamp', type: 'TIMESTAMP', required: true, description: 'When it was checked.' },
    { name: 'ingestion_date', type: 'DATE', required: true, description: 'The UTC day of the check.' },
  ],
};

export const onboardingDryrunTest: TableSpec = {
  name: 'x_meta_onboarding_dryrun_test',
  description: 'Proof that a dry run could write here: one row for each dry run.',
  columns: [
    { name: 'test_timestamp', type: 'TIMESTAMP', required: true, description: 'When it was written.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'Whose dataset.' },
    { name: 'message', type: 'STRING', description: 'What the template says.' },
    { name: 'x_run_id', type: 'STRING', description: 'The run.' },
  ],
};

/** In the order in which onboarding makes them. */
export const OPERATIONAL_TABLES: readonly TableSpec[] = [stepLogs, dqResults, onboardingDryrunTest];

/** The tenant's rows of the central tables. `central` is the quoted dataset of those, the tenant's id is validated. */
export function operationalViews(tenantId: string, central: string): readonly ViewSpec[] {
  if (!/^[a-z][a-z0-9_]{2,49}$/.test(tenantId)) throw new RangeError(`not a tenant id: ${JSON.stringify(tenantId)}`);
  const rows = (table: string) => `SELECT * FROM ${central}.${table} WHERE tenant_id = '${tenantId}'`;
  return [
    { name: 'x_meta_pipeline_runs', description: 'Runs of this tenant.', sql: rows('x_meta_pipeline_runs') },
    { name: 'x_meta_scheduled_runs', description: 'Scheduled runs of this tenant.', sql: rows('scheduled_pipeline_runs') },
    { name: 'x_meta_pipeline_queue', description: 'What of this tenant waits in the queue.', sql: rows('pipeline_execution_queue') },
  ];
}
