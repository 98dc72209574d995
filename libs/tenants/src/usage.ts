/**
 * Usage days: what a tenant used per UTC day and month.
 *
 * 1. A run counts on the day it was admitted, whenever it ends; what still runs is carried by its reservation, not by a counter.
 * 2. A past day is never zeroed. 3. The day is opened by whoever comes first, the nightly reset or the first admission, so a late
 * reset changes no decision. 4. A clock that steps back opens no day before the newest.
 */
import { touch } from './change-feed.ts';
import { addDays, monthOf, utcDate } from './days.ts';
import { type Accepted, accept, type Context } from './decision.ts';
import type { TenantEvent } from './events.ts';
import { type Tenant, type TenantsState, tenantNamed, type UsageDay } from './state.ts';

export const HISTORY_DAYS = 90;
/** Tenants per journalled event: keeps a row of the journal far below the limits. */
const OPENED_PER_EVENT = 500;

/** The day an admission at that time counts on. */
export function usageDateAt(tenant: Tenant, now: number): string {
  const today = utcDate(now);
  const newest = tenant.days[0]?.usage_date;
  return newest && newest > today ? newest : today;
}

/** The running day as it stands, opened or not. */
export function usageAt(tenant: Tenant, now: number): UsageDay {
  const date = usageDateAt(tenant, now);
  const newest = tenant.days[0];
  return newest?.usage_date === date ? newest : newDay(tenant, date, newest?.last_updated ?? tenant.created_at);
}

function newDay(tenant: Tenant, date: string, at: string): UsageDay {
  const before = tenant.days[0];
  const month_run = before && monthOf(before.usage_date) === monthOf(date) ? before.month_run : 0;
  return {
    usage_date: date,
    run: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    peak: tenant.live.size,
    month_run,
    touched_on: date,
    last_updated: at,
  };
}

export function openDay(tenant: Tenant, date: string, at: string): UsageDay {
  const newest = tenant.days[0];
  if (newest && newest.usage_date >= date) return newest;
  const day = newDay(tenant, date, at);
  const carried = new Set([...tenant.live.values()].map((admission) => admission.usage_date));
  const since = addDays(date, -1);
  const kept = tenant.days.filter((old, i) => i === 0 || old.touched_on >= since || carried.has(old.usage_date));
  tenant.days = kept.length === 0 ? [day] : [day, ...kept];
  return day;
}

export interface ResetReply {
  readonly records_updated: number;
  readonly usage_date: string;
}
/** Opens the running day for every tenant that has not begun it. Twice in a day changes nothing. */
export function decideReset(state: TenantsState, context: Context): Accepted<ResetReply> {
  const usage_date = utcDate(context.now);
  const due: string[] = [];
  for (const tenant of state.tenants.values()) {
    if ((tenant.days[0]?.usage_date ?? '') < usage_date) due.push(tenant.tenant_id);
  }
  const events: TenantEvent[] = [];
  for (let i = 0; i < due.length; i += OPENED_PER_EVENT) {
    events.push({ type: 'days_opened', usage_date, tenant_ids: due.slice(i, i + OPENED_PER_EVENT) });
  }
  return accept({ records_updated: due.length, usage_date }, ...events);
}

export function applyDaysOpened(state: TenantsState, event: Extract<TenantEvent, { type: 'days_opened' }>, at: string): void {
  for (const id of event.tenant_ids) {
    openDay(tenantNamed(state, id), event.usage_date, at);
    touch(state.feed, id);
  }
}

/** A count was changed by hand: the running day and its month stand as told. */
export function applyUsageReset(state: TenantsState, event: Extract<TenantEvent, { type: 'usage_reset' }>, at: string): void {
  const tenant = tenantNamed(state, event.tenant_id);
  const day = tenant.days.find((d) => d.usage_date === event.usage_date);
  if (!day) return;
  day.run = event.run;
  day.month_run = event.month_run;
  day.last_updated = at;
  touch(state.feed, tenant.tenant_id);
}
