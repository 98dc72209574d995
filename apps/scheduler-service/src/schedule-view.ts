import type { Schedule as Resource } from '@convergence/contracts';
import { dstPolicy, pipelineIdOf, type Schedule, upcoming } from '@convergence/schedules';

/** A schedule as the API shows it. */
export function scheduleView(schedule: Schedule, now: number): Resource {
  const { config_id, tenant_id, provider, domain, pipeline_template, schedule_cron, timezone, is_active, priority } = schedule;
  // The next may have been set by hand; those after it follow from the cron.
  const first = schedule.next_run_time;
  const next =
    first === null ? [] : [first, ...upcoming(schedule.resolved_cron, timezone, dstPolicy(schedule.dst), Math.max(first, now), 4)];
  return {
    config_id,
    tenant_id,
    provider,
    domain,
    pipeline_template,
    pipeline_id: pipelineIdOf(schedule),
    schedule_cron,
    timezone,
    is_active,
    priority,
    parameters: schedule.parameters,
    max_retries: schedule.max_retries,
    catchup: schedule.catchup,
    overlap: schedule.overlap,
    dst: schedule.dst,
    next_run_time: rfc(schedule.next_run_time),
    next_runs: next.map((at) => new Date(at).toISOString()),
    last_run_time: rfc(schedule.last_run_time),
    last_run_status: schedule.last_run_status,
    consecutive_failures: schedule.consecutive_failures,
    paused_reason: schedule.paused_reason,
    created_at: new Date(schedule.created_at).toISOString(),
    updated_at: new Date(schedule.updated_at).toISOString(),
  };
}

export const rfc = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
