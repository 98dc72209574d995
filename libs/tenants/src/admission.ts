/**
 * Admission: may this run start now? One decision over status, subscription, duplicates and limits, which reserves when it says yes.
 * And what becomes of a reservation: started, kept alive, settled, refunded, or declared lost.
 *
 * Does not know: HTTP, Pub/Sub, who executes. A reservation is a lease owned by a run; no counter is ever incremented for it.
 * 1. Live reservations never exceed the concurrent limit at the time of an admission; reserved + settled never the daily or monthly.
 * 2. Asking again for an admitted run answers the same and reserves nothing. 3. A run ends once: a second end, a late one, one of a
 * run that nobody knows change nothing. 4. The same pipeline with the same parameters is live at most once; other parameters are
 * another run. 5. A refusal never leaves anything reserved.
 */
import type { AdmissionDecision, Gate, RunSpec } from '@convergence/contracts';
import { touch } from './change-feed.ts';
import { monthOf, nextDayStart, nextMonthStart } from './days.ts';
import { type Accepted, accept, type Context, iso } from './decision.ts';
import type { TenantEvent } from './events.ts';
import { type Admission, lockOf, mustHave, type Tenant, type TenantsState } from './state.ts';
import { openDay, usageAt, usageDateAt } from './usage.ts';

/** How long an ended run can still be asked for here; by then the executor's recorder has it. */
const ENDED_KEPT_MS = 15 * 60_000;
/** A heartbeat is worth writing down when the last one is this old. */
const HEARTBEAT_EVERY_MS = 30_000;

type Refused = Extract<AdmissionDecision, { outcome: 'refused' }>;
type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;

/** `house`: our own dry run at onboarding; it uses up nothing of the plan, so limits do not stop it. */
export function decideAdmission(state: TenantsState, run: RunSpec, house: boolean, context: Context): Accepted<AdmissionDecision> {
  const known = state.admissions.get(run.run_id);
  if (known) {
    if (known.run.tenant_id !== run.tenant_id || lockOf(known.run) !== lockOf(run)) {
      return accept(refused(run, 'request.invalid', 'The run id was used for another run.', {}, null));
    }
    return accept({ run_id: run.run_id, outcome: 'admitted', admitted_at: known.admitted_at });
  }
  const tenant = state.tenants.get(run.tenant_id as Tenant['tenant_id']);
  if (!tenant) return accept(refused(run, 'tenant.not_found', `There is no tenant ${run.tenant_id}.`, {}, null));
  const inactive = whyInactive(tenant, run);
  if (inactive) return accept(inactive);
  const live = state.locks.get(lockOf(run));
  if (live) {
    const status = state.admissions.get(live)?.started_at ? 'RUNNING' : 'PENDING';
    return accept({ run_id: run.run_id, outcome: 'existing', existing_run_id: live, status });
  }
  const exceeded = house ? undefined : whyExceeded(tenant, run, context.now);
  if (exceeded) return accept(exceeded);
  const admitted_at = iso(context.now);
  return accept(
    { run_id: run.run_id, outcome: 'admitted', admitted_at },
    { type: 'run_admitted', tenant_id: run.tenant_id, run, admitted_at, usage_date: usageDateAt(tenant, context.now), counted: !house },
  );
}

function refused(run: RunSpec, code: string, detail: string, fields: Record<string, unknown>, retry_at: string | null): Refused {
  const ids = { tenant_id: run.tenant_id, customer_id: run.tenant_id };
  return { run_id: run.run_id, outcome: 'refused', code, detail, fields: { ...ids, ...fields }, retry_at };
}

function whyInactive(tenant: Tenant, run: RunSpec): Refused | undefined {
  if (tenant.status === 'SUSPENDED') return refused(run, 'tenant.suspended', 'Account suspended', {}, null);
  if (tenant.status !== 'ACTIVE') return refused(run, 'tenant.inactive', 'Tenant account is inactive', {}, null);
  const { status } = tenant.subscription;
  if (status !== 'ACTIVE') return refused(run, 'subscription.inactive', `The subscription is ${status}.`, {}, null);
  return undefined;
}

function whyExceeded(tenant: Tenant, run: RunSpec, now: number): Refused | undefined {
  const day = usageAt(tenant, now);
  const { max_pipelines_per_day: daily, max_pipelines_per_month: monthly, max_concurrent_pipelines: concurrent } = tenant.subscription;
  if (day.run >= daily) {
    const detail = `Daily pipeline quota exceeded. Used ${day.run}/${daily} pipelines today.`;
    const at = nextDayStart(day.usage_date);
    return refused(run, 'quota.daily_exceeded', detail, { quota_reset_time: at, used: day.run, limit: daily }, at);
  }
  if (day.month_run >= monthly) {
    const detail = `Monthly pipeline quota exceeded. Used ${day.month_run}/${monthly} pipelines this month.`;
    const date = nextMonthStart(day.usage_date);
    return refused(
      run,
      'quota.monthly_exceeded',
      detail,
      { quota_reset_date: date, used: day.month_run, limit: monthly },
      `${date}T00:00:00Z`,
    );
  }
  if (tenant.live.size >= concurrent) {
    const detail = `Concurrent pipeline limit reached. ${tenant.live.size}/${concurrent} pipelines currently running.`;
    return refused(run, 'quota.concurrent_exceeded', detail, { used: tenant.live.size, limit: concurrent }, null);
  }
  return undefined;
}

export function applyAdmitted(state: TenantsState, event: Event<'run_admitted'>): void {
  const tenant = mustHave(state, event.tenant_id);
  const admission: Admission = {
    run: event.run,
    admitted_at: event.admitted_at,
    usage_date: event.usage_date,
    counted: event.counted,
    started_at: null,
    heartbeat_at: null,
    ended_at: null,
    outcome: null,
    written: false,
  };
  if (event.run.trigger_type === 'onboarding' && !event.counted) {
    tenant.onboarding.dryrun_run_id = event.run.run_id;
    tenant.onboarding.dryrun_status = 'PENDING';
  }
  const day = openDay(tenant, event.usage_date, event.admitted_at);
  reserve(state, tenant, admission);
  if (event.counted) {
    day.run += 1;
    day.month_run += 1;
    day.peak = Math.max(day.peak, tenant.live.size);
    day.last_updated = event.admitted_at;
    touch(state.feed, tenant.tenant_id);
  }
  forgetEnded(state, Date.parse(event.admitted_at));
}

/** Puts a live admission where it is found: also how one comes back from its table. */
export function reserve(state: TenantsState, tenant: Tenant, admission: Admission): void {
  state.admissions.set(admission.run.run_id, admission);
  state.locks.set(lockOf(admission.run), admission.run.run_id);
  if (admission.counted) tenant.live.set(admission.run.run_id, admission);
}

export const isLive = (admission: Admission | undefined): admission is Admission => admission?.ended_at === null;

/** Somebody works on it. */
export function decideStart(state: TenantsState, run_id: string, started_at: string): Accepted<null> {
  const admission = state.admissions.get(run_id);
  if (!isLive(admission) || admission.started_at) return accept(null);
  return accept(null, { type: 'run_started', tenant_id: admission.run.tenant_id, run_id, started_at });
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
  const tenant = mustHave(state, event.tenant_id);
  admission.ended_at = event.ended_at;
  admission.outcome = event.type === 'run_orphaned' ? 'orphaned' : event.outcome;
  tenant.live.delete(event.run_id);
  if (state.locks.get(lockOf(admission.run)) === event.run_id) state.locks.delete(lockOf(admission.run));
  state.ended.push(event.run_id);
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

function forgetEnded(state: TenantsState, now: number): void {
  let forgotten = 0;
  for (const id of state.ended) {
    const admission = state.admissions.get(id);
    if (admission && (!admission.written || Date.parse(admission.ended_at ?? '') > now - ENDED_KEPT_MS)) break;
    state.admissions.delete(id);
    forgotten += 1;
  }
  if (forgotten > 0) state.ended.splice(0, forgotten);
}

export interface SweepReply {
  readonly runs: readonly {
    readonly run_id: string;
    readonly tenant_id: string;
    readonly pipeline_id: string;
    readonly last_heartbeat_at: string | null;
  }[];
}
/** Reservations whose run gave no sign for that long: lost. One that never started is refunded. */
export function decideSweep(state: TenantsState, olderThanMinutes: number, context: Context): Accepted<SweepReply> {
  const before = context.now - olderThanMinutes * 60_000;
  const lost = [...state.admissions.values()].filter((admission) => isLive(admission) && aliveAt(admission) <= before);
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

/** Every gate of admission as it stands, in the order in which it is asked. */
export function gatesOf(
  state: TenantsState,
  tenant: Tenant,
  run: Pick<RunSpec, 'run_id' | 'provider' | 'domain' | 'template' | 'parameters_hash'> | undefined,
  now: number,
): Gate[] {
  const day = usageAt(tenant, now);
  const { subscription } = tenant;
  const none = { since: null, expected: null };
  const counted = (gate: string, value: number, limit: number, expected: string | null, what: string): Gate => ({
    gate,
    state: value >= limit ? 'closed' : 'open',
    value,
    limit,
    since: value >= limit ? day.last_updated : null,
    expected: value >= limit ? expected : null,
    detail: `${value} of ${limit} ${what}`,
  });
  const lock = run && state.locks.get(lockOf({ ...run, tenant_id: tenant.tenant_id }));
  const other = lock && lock !== run?.run_id ? state.admissions.get(lock) : undefined;
  const first = [...tenant.live.values()][0];
  return [
    {
      gate: 'tenant_status',
      state: tenant.status === 'ACTIVE' ? 'open' : 'closed',
      value: tenant.status,
      limit: 'ACTIVE',
      ...none,
      since: tenant.status === 'ACTIVE' ? null : tenant.updated_at,
      detail: `The tenant is ${tenant.status}`,
    },
    {
      gate: 'subscription_status',
      state: subscription.status === 'ACTIVE' ? 'open' : 'closed',
      value: subscription.status,
      limit: 'ACTIVE',
      ...none,
      since: subscription.status === 'ACTIVE' ? null : subscription.updated_at,
      detail: `The subscription is ${subscription.status}`,
    },
    {
      gate: 'same_pipeline',
      state: other ? 'closed' : 'open',
      value: other?.run.run_id ?? null,
      limit: null,
      ...none,
      since: other?.admitted_at ?? null,
      detail: other
        ? 'The same pipeline with the same parameters is live'
        : 'No other run of the same pipeline with the same parameters is live',
    },
    counted('daily_quota', day.run, subscription.max_pipelines_per_day, nextDayStart(day.usage_date), 'runs today'),
    counted(
      'monthly_quota',
      day.month_run,
      subscription.max_pipelines_per_month,
      `${nextMonthStart(day.usage_date)}T00:00:00Z`,
      'runs this month',
    ),
    {
      ...counted('concurrency', tenant.live.size, subscription.max_concurrent_pipelines, null, 'pipelines running'),
      since: tenant.live.size >= subscription.max_concurrent_pipelines ? (first?.admitted_at ?? null) : null,
    },
  ];
}
