import type { Run, RunSpec, RunStep } from '@convergence/contracts';
import type { RunRecord, StepRecord } from '@convergence/runs';

/** A run as the API shows it. Nulls where its request has not been heard of yet. */
export function runView(record: RunRecord): Run {
  const { spec } = record;
  const [provider = '', domain = '', template = ''] = record.pipeline_id.slice(record.tenant_id.length + 1).split('-');
  return {
    pipeline_logging_id: record.run_id,
    pipeline_id: record.pipeline_id,
    tenant_id: record.tenant_id,
    provider: spec?.provider ?? provider,
    domain: spec?.domain ?? domain,
    template: spec?.template ?? template,
    status: record.status,
    trigger_type: spec?.trigger_type ?? 'api',
    trigger_by: spec?.trigger_by ?? null,
    user_id: spec?.user_id ?? null,
    start_time: record.admitted_at,
    started_at: record.started_at,
    end_time: record.ended_at,
    duration_ms: record.ended_at === null ? null : Date.parse(record.ended_at) - Date.parse(record.admitted_at),
    run_date: spec?.run_date ?? null,
    parameters: spec?.parameters ?? {},
    template_version: record.template_version,
    template_hash: record.template_hash,
    retry_of: spec?.retry_of ?? null,
    error: record.error,
  };
}

export const stepView = (step: StepRecord): RunStep => ({
  step_id: step.step_id,
  step_type: step.step_type,
  status: step.status,
  attempt: step.attempt,
  start_time: step.started_at,
  end_time: step.ended_at,
  duration_ms: step.started_at !== null && step.ended_at !== null ? Date.parse(step.ended_at) - Date.parse(step.started_at) : null,
  rows_processed: step.rows_processed,
  error: step.error,
});

export interface RunFilter {
  readonly tenantId: string | undefined;
  readonly status?: string | undefined;
  readonly pipeline_id?: string | undefined;
  readonly provider?: string | undefined;
  readonly domain?: string | undefined;
  readonly trigger_type?: RunSpec['trigger_type'] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** As `from`, but without that moment. */
  readonly after?: string | undefined;
}

export function fits(record: RunRecord, filter: RunFilter): boolean {
  const { spec } = record;
  const at = Date.parse(record.admitted_at);
  return (
    (filter.tenantId === undefined || record.tenant_id === filter.tenantId) &&
    (filter.status === undefined || record.status === filter.status) &&
    (filter.pipeline_id === undefined || record.pipeline_id === filter.pipeline_id.toLowerCase()) &&
    (filter.provider === undefined || spec?.provider === filter.provider.toLowerCase()) &&
    (filter.domain === undefined || spec?.domain === filter.domain.toLowerCase()) &&
    (filter.trigger_type === undefined || spec?.trigger_type === filter.trigger_type) &&
    (filter.from === undefined || at >= Date.parse(filter.from)) &&
    (filter.after === undefined || at > Date.parse(filter.after)) &&
    (filter.to === undefined || at < Date.parse(filter.to))
  );
}
