import { DueIndex } from './due-index.ts';
import type { ScheduleEvent } from './events.ts';
import { FairQueue } from './fair-queue.ts';
import { retryHold } from './occupancy.ts';
import { type PlainRow, scheduledRunRow, type TenantStanding } from './rows.ts';
import { attemptId, type QueueItem, type Schedule } from './schedule.ts';

/** All that the scheduler remembers, with the indexes that make each question cheap. Changed by `apply` alone. */
export interface SchedulesState {
  readonly schedules: Map<string, Schedule>;
  readonly byTenant: Map<string, Set<string>>;
  readonly due: DueIndex;
  readonly queue: FairQueue;
  /** pipeline_logging_id of a live attempt -> its item. */
  readonly byLoggingId: Map<string, string>;
  readonly tenants: Map<string, TenantStanding>;
  readonly backfills: Map<string, { readonly tenant_id: string; readonly max_concurrent: number; remaining: number }>;
  /** Last rows of runs that ended, until they are written. */
  readonly ended: Map<string, PlainRow>;
  /** Schedules whose people are still to be told something. */
  readonly notices: Set<string>;
  /** Of all tenants, for the day of the last end. */
  readonly today: { date: string; completed: number; failed: number };
}

export const emptyState = (): SchedulesState => ({
  schedules: new Map(),
  byTenant: new Map(),
  due: new DueIndex(),
  queue: new FairQueue(),
  byLoggingId: new Map(),
  tenants: new Map(),
  backfills: new Map(),
  ended: new Map(),
  notices: new Set(),
  today: { date: '', completed: 0, failed: 0 },
});

/** Puts a schedule in place of its older self, or in for the first time; indexes follow. Also how recovery loads rows. */
export function putSchedule(state: SchedulesState, schedule: Schedule): void {
  const before = state.schedules.get(schedule.config_id);
  if (before?.next_run_time != null && before.is_active) state.due.remove(before.config_id, before.next_run_time);
  state.schedules.set(schedule.config_id, schedule);
  if (!before) {
    const mine = state.byTenant.get(schedule.tenant_id) ?? new Set();
    mine.add(schedule.config_id);
    state.byTenant.set(schedule.tenant_id, mine);
  }
  if (schedule.is_active && schedule.next_run_time !== null) state.due.add(schedule.config_id, schedule.next_run_time);
  if (schedule.notice) state.notices.add(schedule.config_id);
  else state.notices.delete(schedule.config_id);
}

/** A tenant's standing, told or recovered: its weight in the queue and its share of the day's figures follow. */
export function putTenant(state: SchedulesState, tenantId: string, standing: TenantStanding): void {
  const before = state.tenants.get(tenantId);
  state.tenants.set(tenantId, standing);
  if ((before?.weight ?? 1) !== standing.weight) state.queue.setWeight(tenantId, standing.weight);
  const { today } = state;
  if (standing.day === null || standing.day < today.date) return;
  if (standing.day > today.date) Object.assign(today, { date: standing.day, completed: 0, failed: 0 });
  const counted = before?.day === standing.day ? before : { completed: 0, failed: 0 };
  today.completed += standing.completed - counted.completed;
  today.failed += standing.failed - counted.failed;
}
const NEW_TENANT: TenantStanding = { status: 'ACTIVE', weight: 1, day: null, completed: 0, failed: 0 };

export function putItem(state: SchedulesState, item: QueueItem): void {
  state.queue.add(item);
  if (item.pipeline_logging_id) state.byLoggingId.set(item.pipeline_logging_id, item.run_id);
  if (item.backfill_id) {
    const backfill = state.backfills.get(item.backfill_id);
    if (backfill) backfill.remaining++;
  }
}

export function apply(state: SchedulesState, event: ScheduleEvent): void {
  switch (event.type) {
    case 'schedule-created':
      return putSchedule(state, event.schedule);
    case 'schedule-changed':
      return change(state, event.config_id, (s) => ({
        ...s,
        ...event.changes,
        resolved_cron: event.resolved_cron,
        next_run_time: event.next_run_time,
        moved_to: event.moved_to ?? s.moved_to,
        // Switched on by hand: what was counted against it is forgiven.
        ...(event.changes.is_active ? { paused_reason: null, consecutive_failures: 0 } : {}),
        updated_at: event.at,
      }));
    case 'schedule-paused':
      return change(state, event.config_id, (s) => ({
        ...s,
        is_active: false,
        paused_reason: event.reason,
        next_run_time: null,
        notice: event.notice ?? s.notice,
        updated_at: event.at,
      }));
    case 'schedule-warned':
      return change(state, event.config_id, (s) => ({ ...s, notice: event.notice ?? s.notice }));
    case 'notice-sent':
      return change(state, event.config_id, (s) => (s.notice?.id === event.notice_id ? { ...s, notice: null } : s));
    case 'fire-skipped':
      return;
    case 'schedule-advanced':
      return change(state, event.config_id, (s) => ({ ...s, next_run_time: event.next_run_time }));
    case 'schedule-fired':
      return fired(state, event);
    case 'backfill-requested':
      return backfillRequested(state, event);
    case 'item-claimed': {
      state.queue.claim(event.run_id);
      state.queue.change(event.run_id, (item) => {
        if (item.pipeline_logging_id) state.byLoggingId.delete(item.pipeline_logging_id);
        item.attempts = event.attempt;
        item.pipeline_logging_id = event.pipeline_logging_id;
        item.claimed_until = event.until;
        item.processing_started_at = event.at;
      });
      state.byLoggingId.set(event.pipeline_logging_id, event.run_id);
      return;
    }
    case 'item-dispatched':
      return state.queue.change(event.run_id, (item) => {
        item.stage = 'running';
        item.hold = null;
        item.processing_started_at = event.at;
      });
    case 'item-held':
      if (event.scope === 'tenant') state.queue.setHold(event.tenant_id, event.hold);
      state.queue.giveBack(event.run_id, true);
      return state.queue.change(event.run_id, (item) => {
        item.attempts = 0;
        item.hold = event.scope === 'item' ? event.hold : null;
        item.processing_started_at = null;
      });
    case 'item-retried':
      state.queue.giveBack(event.run_id, false);
      state.queue.freed(event.tenant_id);
      return state.queue.change(event.run_id, (item) => {
        if (item.pipeline_logging_id) state.byLoggingId.delete(item.pipeline_logging_id);
        item.retry_count = event.retry_count;
        item.attempts = 0;
        item.not_before = event.not_before;
        item.last_error = event.error;
        item.hold = { ...retryHold(item), since: event.at };
        item.pipeline_logging_id = null;
        item.processing_started_at = null;
      });
    case 'item-ended':
      return ended(state, event);
    case 'place-freed':
      return state.queue.freed(event.tenant_id);
    case 'tenant-noted':
      putTenant(state, event.tenant_id, {
        ...(state.tenants.get(event.tenant_id) ?? NEW_TENANT),
        status: event.status,
        weight: event.weight,
      });
      return state.queue.setHold(event.tenant_id, null);
    default:
      event satisfies never;
  }
}

function change(state: SchedulesState, configId: string, alter: (schedule: Schedule) => Schedule): void {
  const schedule = state.schedules.get(configId);
  if (schedule) putSchedule(state, alter(schedule));
}

function fired(state: SchedulesState, event: Extract<ScheduleEvent, { type: 'schedule-fired' }>): void {
  const schedule = state.schedules.get(event.config_id);
  if (!schedule) return;
  if (event.next_run_time !== undefined) putSchedule(state, { ...schedule, next_run_time: event.next_run_time });
  if (state.queue.get(event.run_id)) return;
  putItem(state, {
    ...blank,
    run_id: event.run_id,
    config_id: event.config_id,
    backfill_id: null,
    trigger_by: null,
    asked_by: null,
    tenant_id: event.tenant_id,
    provider: schedule.provider,
    domain: schedule.domain,
    pipeline_template: schedule.pipeline_template,
    parameters: event.parameters,
    lane: 'live',
    priority: schedule.priority,
    overlap: schedule.overlap,
    scheduled_time: event.fire_time,
    added_at: event.at,
    expires_at: event.expires_at,
    max_retries: schedule.max_retries,
  });
}

function backfillRequested(state: SchedulesState, event: Extract<ScheduleEvent, { type: 'backfill-requested' }>): void {
  state.backfills.set(event.backfill_id, { tenant_id: event.tenant_id, max_concurrent: event.max_concurrent, remaining: 0 });
  state.queue.setBackfillCap(event.backfill_id, event.max_concurrent);
  for (const [index, { run_id, date, parameters }] of event.items.entries()) {
    if (state.queue.get(run_id)) continue;
    putItem(state, {
      ...blank,
      run_id,
      config_id: null,
      // Known from the start, so that whoever asked for the backfill can follow each date as a run.
      pipeline_logging_id: attemptId(run_id, 0),
      backfill_id: event.backfill_id,
      trigger_by: event.trigger_by ?? null,
      asked_by: event.asked_by ?? null,
      tenant_id: event.tenant_id,
      provider: event.provider,
      domain: event.domain,
      pipeline_template: event.pipeline_template,
      parameters,
      lane: 'backfill',
      priority: 5,
      overlap: 'allow',
      scheduled_time: Date.parse(date),
      // A millisecond apart, so that dates go in order.
      added_at: event.at + index,
      expires_at: event.expires_at,
      max_retries: 3,
    });
  }
}

const blank = {
  stage: 'waiting' as const,
  attempts: 0,
  retry_count: 0,
  not_before: 0,
  hold: null,
  claimed_until: 0,
  processing_started_at: null,
  pipeline_logging_id: null,
  last_error: null,
};

function ended(state: SchedulesState, event: Extract<ScheduleEvent, { type: 'item-ended' }>): void {
  const item = state.queue.get(event.run_id);
  if (!item) return;
  state.queue.remove(event.run_id);
  state.ended.set(event.run_id, scheduledRunRow(item, event));
  if (item.pipeline_logging_id) state.byLoggingId.delete(item.pipeline_logging_id);
  state.queue.freed(item.tenant_id);
  count(state, event);
  if (item.backfill_id) {
    const backfill = state.backfills.get(item.backfill_id);
    if (backfill && --backfill.remaining <= 0) state.backfills.delete(item.backfill_id);
  }
  if (!item.config_id || event.reason === 'cancelled') return;
  change(state, item.config_id, (s) => ({
    ...s,
    last_run_time: item.processing_started_at ?? event.at,
    last_run_status: event.outcome === 'COMPLETED' ? 'SUCCESS' : 'FAILED',
    consecutive_failures: event.outcome === 'COMPLETED' ? 0 : s.consecutive_failures + 1,
  }));
}

function count(state: SchedulesState, { tenant_id, outcome, at }: Extract<ScheduleEvent, { type: 'item-ended' }>): void {
  const day = new Date(at).toISOString().slice(0, 10);
  const known = state.tenants.get(tenant_id) ?? NEW_TENANT;
  const { completed, failed } = known.day === day ? known : NEW_TENANT;
  putTenant(state, tenant_id, {
    ...known,
    day,
    completed: completed + (outcome === 'COMPLETED' ? 1 : 0),
    failed: failed + (outcome === 'FAILED' ? 1 : 0),
  });
}
