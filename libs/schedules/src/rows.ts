/** The state as rows of the scheduler's three tables, and back: what checkpoints write and recovery reads. Pure. */
import type { Principal } from '@convergence/contracts';
import type { EndReason } from './events.ts';
import type { Catchup, Dst, Hold, Lane, Notice, Overlap, QueueItem, Schedule } from './schedule.ts';
import { pipelineIdOf } from './schedule.ts';

/** How an item came to its end. */
export interface End {
  readonly outcome: 'COMPLETED' | 'FAILED';
  readonly reason: EndReason;
  readonly error: string | null;
  readonly at: number;
}

export type PlainRow = Readonly<Record<string, null | string | number | boolean>>;
type Stored = Readonly<Record<string, unknown>>;

/** A burst writes the same few times into all its rows, and writing one takes longer than the rest of its row. */
const times = new Map<number, string>();
const REMEMBERED = 10_000;
function time(at: number | null): string | null {
  if (at === null) return null;
  let known = times.get(at);
  if (known === undefined) {
    known = new Date(at).toISOString();
    if (times.size >= REMEMBERED) times.clear();
    times.set(at, known);
  }
  return known;
}
const instant = (value: unknown): number | null => (value == null ? null : Date.parse(String(value)));
const text = (value: unknown): string | null => (value == null ? null : String(value));
const json = (value: unknown): Record<string, unknown> =>
  ((typeof value === 'string' ? JSON.parse(value) : value) ?? {}) as Record<string, unknown>;

export const scheduleRow = (s: Schedule): PlainRow => ({
  config_id: s.config_id,
  tenant_id: s.tenant_id,
  provider: s.provider,
  domain: s.domain,
  pipeline_template: s.pipeline_template,
  schedule_cron: s.schedule_cron,
  resolved_cron: s.resolved_cron,
  timezone: s.timezone,
  is_active: s.is_active,
  priority: s.priority,
  parameters: JSON.stringify(s.parameters),
  max_retries: s.max_retries,
  catchup: s.catchup,
  overlap: s.overlap,
  dst: s.dst,
  next_run_time: time(s.next_run_time),
  last_run_time: time(s.last_run_time),
  last_run_status: s.last_run_status,
  consecutive_failures: s.consecutive_failures,
  paused_reason: s.paused_reason,
  notice: s.notice && JSON.stringify(s.notice),
  created_at: time(s.created_at),
  updated_at: time(s.updated_at),
});

/** Columns that a person left empty get what a schedule made through the API would have had. */
export const scheduleOf = (row: Stored, now: number): Schedule => ({
  config_id: String(row.config_id),
  tenant_id: String(row.tenant_id),
  provider: String(row.provider),
  domain: String(row.domain),
  pipeline_template: String(row.pipeline_template),
  schedule_cron: String(row.schedule_cron),
  resolved_cron: String(row.resolved_cron ?? row.schedule_cron),
  timezone: text(row.timezone) ?? 'UTC',
  is_active: row.is_active !== false,
  priority: Number(row.priority ?? 5),
  parameters: json(row.parameters),
  max_retries: Number(row.max_retries ?? 3),
  catchup: (text(row.catchup) ?? 'latest') as Catchup,
  overlap: (text(row.overlap) ?? 'skip') as Overlap,
  dst: (text(row.dst) ?? 'shift') as Dst,
  next_run_time: instant(row.next_run_time),
  last_run_time: instant(row.last_run_time),
  last_run_status: text(row.last_run_status),
  consecutive_failures: Number(row.consecutive_failures ?? 0),
  paused_reason: text(row.paused_reason),
  notice: row.notice == null ? null : (json(row.notice) as unknown as Notice),
  moved_to: null,
  created_at: instant(row.created_at) ?? now,
  updated_at: instant(row.updated_at) ?? now,
});

/** `tenantHold`: what holds all of its tenant, where something does. */
export const queueRow = (item: QueueItem, backfillCap: number | null, tenantHold: Hold | null = null): PlainRow => ({
  run_id: item.run_id,
  config_id: item.config_id,
  backfill_id: item.backfill_id,
  backfill_max_concurrent: backfillCap,
  trigger_by: item.trigger_by,
  asked_by: item.asked_by && JSON.stringify(item.asked_by),
  tenant_id: item.tenant_id,
  pipeline_id: pipelineIdOf(item),
  provider: item.provider,
  domain: item.domain,
  pipeline_template: item.pipeline_template,
  parameters: JSON.stringify(item.parameters),
  state: item.stage === 'waiting' ? 'QUEUED' : 'PROCESSING',
  stage: item.stage,
  lane: item.lane,
  overlap: item.overlap,
  priority: item.priority,
  scheduled_time: time(item.scheduled_time),
  added_at: time(item.added_at),
  expires_at: time(item.expires_at),
  processing_started_at: time(item.processing_started_at),
  claimed_until: item.claimed_until ? time(item.claimed_until) : null,
  not_before: item.not_before ? time(item.not_before) : null,
  attempts: item.attempts,
  retry_count: item.retry_count,
  max_retries: item.max_retries,
  pipeline_logging_id: item.pipeline_logging_id,
  waiting_gate: item.stage === 'waiting' ? ((item.hold ?? tenantHold)?.gate ?? null) : null,
  waiting_detail: item.stage === 'waiting' ? ((item.hold ?? tenantHold)?.detail ?? null) : null,
  last_error: item.last_error,
});

/** A hold is not remembered over a restart: the gate is simply asked again. */
export const itemOf = (row: Stored): QueueItem => ({
  run_id: String(row.run_id),
  config_id: text(row.config_id),
  backfill_id: text(row.backfill_id),
  trigger_by: text(row.trigger_by),
  asked_by: row.asked_by == null ? null : (json(row.asked_by) as unknown as Principal),
  tenant_id: String(row.tenant_id),
  provider: String(row.provider),
  domain: String(row.domain),
  pipeline_template: String(row.pipeline_template),
  parameters: json(row.parameters),
  lane: String(row.lane) as Lane,
  priority: Number(row.priority),
  overlap: String(row.overlap) as Overlap,
  scheduled_time: instant(row.scheduled_time) as number,
  added_at: instant(row.added_at) as number,
  expires_at: instant(row.expires_at) as number,
  max_retries: Number(row.max_retries),
  stage: String(row.stage) as QueueItem['stage'],
  attempts: Number(row.attempts),
  retry_count: Number(row.retry_count),
  not_before: instant(row.not_before) ?? 0,
  hold: null,
  claimed_until: instant(row.claimed_until) ?? 0,
  processing_started_at: instant(row.processing_started_at),
  pipeline_logging_id: text(row.pipeline_logging_id),
  last_error: text(row.last_error),
});

/** A scheduled run while it lives, and how it ended. */
export const scheduledRunRow = (item: QueueItem, ended?: End): PlainRow => ({
  run_id: item.run_id,
  config_id: item.config_id,
  backfill_id: item.backfill_id,
  tenant_id: item.tenant_id,
  pipeline_id: pipelineIdOf(item),
  state: ended ? ended.outcome : item.stage === 'running' ? 'RUNNING' : 'PENDING',
  scheduled_time: time(item.scheduled_time),
  actual_start_time: time(item.processing_started_at),
  priority: item.priority,
  parameters: JSON.stringify(item.parameters),
  pipeline_logging_id: item.pipeline_logging_id,
  retry_count: item.retry_count,
  max_retries: item.max_retries,
  error_message: ended ? ended.error : item.last_error,
  end_reason: ended?.reason ?? null,
  completed_at: ended?.outcome === 'COMPLETED' ? time(ended.at) : null,
  failed_at: ended?.outcome === 'FAILED' ? time(ended.at) : null,
  created_at: time(item.added_at),
  updated_at: time(ended?.at ?? item.processing_started_at ?? item.added_at),
});

/** What the scheduler keeps of a tenant: what it was told, and how many of its runs ended on the last day with any. */
export interface TenantStanding {
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CANCELLED';
  readonly weight: number;
  readonly day: string | null;
  readonly completed: number;
  readonly failed: number;
}

export const tenantRow = (tenant_id: string, standing: TenantStanding): PlainRow => ({
  tenant_id,
  status: standing.status,
  weight: standing.weight,
  counted_day: standing.day,
  runs_completed: standing.completed,
  runs_failed: standing.failed,
});

export const standingOf = (row: Stored): TenantStanding => ({
  status: String(row.status) as TenantStanding['status'],
  weight: Number(row.weight),
  day: text(row.counted_day)?.slice(0, 10) ?? null,
  completed: Number(row.runs_completed),
  failed: Number(row.runs_failed),
});
