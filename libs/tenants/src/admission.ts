/**
 * Admission: may this run start now? One decision over status, subscription, duplicates and limits, which reserves when it says yes.
 * What becomes of a reservation is in leases.ts.
 *
 * Does not know: HTTP, Pub/Sub, who executes. A reservation is a lease owned by a run; no counter is ever incremented for it.
 * 1. Live reservations never exceed the concurrent limit at the time of an admission; reserved + settled never the daily or monthly.
 * 2. Asking again for an admitted run answers the same and reserves nothing. 3. The same pipeline with the same parameters is live at
 * most once; other parameters are another run. 4. A refusal never leaves anything reserved.
 */
import type { AdmissionDecision, RunSpec } from '@convergence/contracts';
import { touch } from './change-feed.ts';
import { nextDayStart, nextMonthStart } from './days.ts';
import { type Accepted, accept, type Context, iso } from './decision.ts';
import type { TenantEvent } from './events.ts';
import { forgetEnded } from './leases.ts';
import { cameTo } from './named-commands.ts';
import { type Admission, addLive, findAdmission, lockOf, type Tenant, type TenantsState, tenantNamed } from './state.ts';
import { openDay, usageAt, usageDateAt } from './usage.ts';

type Refused = Extract<AdmissionDecision, { outcome: 'refused' }>;
type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;

export interface Admit {
  readonly kind: 'admit';
  readonly run: RunSpec;
  /** Our own dry run at onboarding; it uses up nothing of the plan, so limits do not stop it. */
  readonly house?: boolean;
  /** What asks for the run, where its client named it. */
  readonly command?: string | undefined;
}
export function decideAdmission(
  state: TenantsState,
  { run, house = false, command }: Admit,
  context: Context,
): Accepted<AdmissionDecision> {
  const known = findAdmission(state, run.run_id);
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
    // Whether that is what the command came to, who asks decides: the end of the run may not have been heard here yet.
    return accept({ run_id: run.run_id, outcome: 'existing', existing_run_id: live, status });
  }
  const exceeded = house ? undefined : whyExceeded(tenant, run, context.now);
  if (exceeded) return accept(exceeded);
  const admitted_at = iso(context.now);
  return accept(
    { run_id: run.run_id, outcome: 'admitted', admitted_at },
    { type: 'run_admitted', tenant_id: run.tenant_id, run, admitted_at, usage_date: usageDateAt(tenant, context.now), counted: !house },
    ...cameTo(state, command, run.run_id),
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
  const tenant = tenantNamed(state, event.tenant_id);
  const admission: Admission = {
    run: event.run,
    admitted_at: event.admitted_at,
    usage_date: event.usage_date,
    counted: event.counted,
    started_at: null,
    heartbeat_at: null,
    ended_at: null,
    outcome: null,
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
  if (admission.counted) addLive(tenant, admission);
}
