/**
 * What becomes of a reservation: started, kept alive, settled, refunded, or declared lost.
 *
 * 1. A run ends once: a second end, a late one, one of a run that nobody knows change nothing. 2. A run counts on the day of its admission,
 * whenever it ends; a refund takes that one back. 3. A lease without a sign of life ends, too.
 */
import { touch } from './change-feed.ts';
import { monthOf } from './days.ts';
import { type Accepted, accept, type Context, iso } from './decision.ts';
import type { TenantEvent } from './events.ts';
import { type Admission, lockOf, removeLive, type Tenant, type TenantsState, tenantNamed } from './state.ts';

/** How long an ended run can still be asked for here; by then the executor's recorder has it. */
const ENDED_KEPT_MS = 15 * 60_000;
/** A heartbeat is worth writing down when the last one is this old. */
const HEARTBEAT_EVERY_MS = 30_000;

type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;

export const isLive = (admission: Admission | undefined): admission is Admission => admission?.ended_at === null;

/** Somebody works on it, since its admission at the earliest and now at the latest, whatever that worker's clock says. */
export function decideStart(state: TenantsState, run_id: string, started_at: string, context: Context): Accepted<null> {
  const admission = state.admissions.get(run_id);
  if (!isLive(admission) || admission.started_at) return accept(null);
  const { run, admitted_at } = admission;
  const started = iso(Math.max(Date.parse(admitted_at), Math.min(Date.parse(started_at), context.now)));
  return accept(null, { type: 'run_started', tenant_id: run.tenant_id, run_id, started_at: started });
}
export function applyStarted(state: TenantsState, event: Event<'run_started'>): void {
  const admission = state.admissions.get(event.run_id);
  if (!isLive(admission)) return;
  admission.started_at = event.started_at;
  admission.heartbeat_at = later(admission.heartbeat_at, event.started_at);
}

/** The runs that somebody still works on; a time ahead of our clock counts as now. */
export function decideHeartbeats(state: TenantsState, run_ids: readonly string[], at: string, context: Context): Accepted<null> {
  const seen = Math.min(Date.parse(at), context.now);
  const due = run_ids.filter((id) => {
    const admission = state.admissions.get(id);
    return isLive(admission) && seen - aliveAt(admission) >= HEARTBEAT_EVERY_MS;
  });
  return due.length === 0 ? accept(null) : accept(null, { type: 'heartbeats_noted', at: iso(seen), run_ids: [...new Set(due)] });
}
export function applyHeartbeats(state: TenantsState, event: Event<'heartbeats_noted'>): void {
  for (const id of event.run_ids) {
    const admission = state.admissions.get(id);
    if (isLive(admission)) admission.heartbeat_at = later(admission.heartbeat_at, event.at);
  }
}
const later = (a: string | null, b: string): string => (a && a > b ? a : b);
const aliveAt = (admission: Admission): number => Date.parse(admission.heartbeat_at ?? admission.started_at ?? admission.admitted_at);

export interface RunEnd {
  readonly run_id: string;
  readonly status: 'COMPLETE' | 'FAILED' | 'CANCELLED';
  readonly did_work: boolean;
  readonly ended_at: string;
}
/** `settled: false`: it had ended before, or nobody here knows it. */
export function decideEnd(state: TenantsState, end: RunEnd, context: Context): Accepted<{ settled: boolean }> {
  const admission = state.admissions.get(end.run_id);
  if (!isLive(admission)) return accept({ settled: false });
  const { run_id } = end;
  const ended_at = iso(Math.min(Date.parse(end.ended_at), context.now));
  return accept({ settled: true }, { type: 'run_ended', tenant_id: admission.run.tenant_id, run_id, ended_at, outcome: outcomeOf(end) });
}
function outcomeOf({ status, did_work }: RunEnd): Event<'run_ended'>['outcome'] {
  if (status === 'COMPLETE') return 'succeeded';
  if (!did_work) return 'refunded';
  return status === 'CANCELLED' ? 'cancelled' : 'failed';
}

export function applyEnded(state: TenantsState, event: Event<'run_ended'> | Event<'run_orphaned'>): void {
  const admission = state.admissions.get(event.run_id);
  if (!isLive(admission)) return;
  const tenant = tenantNamed(state, event.tenant_id);
  admission.ended_at = event.ended_at;
  admission.outcome = event.type === 'run_orphaned' ? 'orphaned' : event.outcome;
  removeLive(tenant, event.run_id);
  const lock = lockOf(admission.run);
  if (state.locks.get(lock) === event.run_id) state.locks.delete(lock);
  state.admissions.delete(event.run_id);
  state.ended.add(admission);
  if (tenant.onboarding.dryrun_run_id === event.run_id) {
    tenant.onboarding.dryrun_status = admission.outcome === 'succeeded' ? 'SUCCESS' : 'FAILED';
  }
  if (admission.counted) {
    const refunded = event.type === 'run_orphaned' ? event.refunded : event.outcome === 'refunded';
    settle(tenant, admission, refunded, event.ended_at);
    touch(state.feed, tenant.tenant_id);
  }
  forgetEnded(state, Date.parse(event.ended_at));
}

function settle(tenant: Tenant, admission: Admission, refunded: boolean, at: string): void {
  const today = tenant.days[0]?.usage_date ?? admission.usage_date;
  const own = tenant.days.find((day) => day.usage_date === admission.usage_date);
  if (own) {
    if (refunded) own.run = Math.max(0, own.run - 1);
    else if (admission.outcome === 'succeeded') own.succeeded += 1;
    else if (admission.outcome === 'cancelled') own.cancelled += 1;
    else own.failed += 1;
    own.touched_on = today;
    own.last_updated = at;
  }
  if (!refunded) return;
  for (const day of tenant.days) {
    if (day.usage_date < admission.usage_date || monthOf(day.usage_date) !== monthOf(admission.usage_date)) continue;
    day.month_run = Math.max(0, day.month_run - 1);
    day.touched_on = today;
    day.last_updated = at;
  }
}

/** Called with every admission and end. */
export const forgetEnded = (state: TenantsState, now: number): void => state.ended.forget(now - ENDED_KEPT_MS);

export interface SweepReply {
  readonly runs: readonly {
    readonly run_id: string;
    readonly tenant_id: string;
    readonly pipeline_id: string;
    readonly last_heartbeat_at: string | null;
  }[];
}
/** What one command can journal; after an hour without executors there are more. */
const SWEPT_AT_ONCE = 1000;

/** Reservations whose run gave no sign for that long, some of them: lost. One that never started is refunded. */
export function decideSweep(state: TenantsState, olderThanMinutes: number, context: Context): Accepted<SweepReply> {
  const before = context.now - olderThanMinutes * 60_000;
  const lost: Admission[] = [];
  for (const admission of state.admissions.values()) {
    if (aliveAt(admission) <= before) lost.push(admission);
    if (lost.length === SWEPT_AT_ONCE) break;
  }
  return accept(
    {
      runs: lost.map(({ run, heartbeat_at }) => ({
        run_id: run.run_id,
        tenant_id: run.tenant_id,
        pipeline_id: run.pipeline_id,
        last_heartbeat_at: heartbeat_at,
      })),
    },
    ...lost.map(({ run, admitted_at, heartbeat_at, started_at }) => ({
      type: 'run_orphaned' as const,
      tenant_id: run.tenant_id,
      run_id: run.run_id,
      pipeline_id: run.pipeline_id,
      trigger_type: run.trigger_type,
      scheduled_run_id: run.scheduled_run_id,
      admitted_at,
      started_at,
      ended_at: iso(context.now),
      last_heartbeat_at: heartbeat_at,
      refunded: started_at === null,
    })),
  );
}
