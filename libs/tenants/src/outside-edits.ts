/**
 * What people change in the tables by hand, read as commands. Runbooks do it: a limit, a status, a key switched off, a month's count
 * set to zero.
 *
 * 1. Only what a person may decide is taken over; what follows from runs (counts, how many are running) is written back as it is,
 * except a count set to zero. 2. A value that makes no sense is not taken over; the owner's row comes back. 3. Columns that nobody touched
 * hold what memory holds, however old the row was that was edited; what ran since then still counts after a count was set to zero.
 * 4. An edit can only weaken a key.
 */
import {
  PLAN_NAMES,
  type Plan,
  SUBSCRIPTION_STATUSES,
  type SubscriptionStatus,
  TENANT_STATUSES,
  type TenantStatus,
} from '@convergence/contracts';
import { accept, type Decision, withTenant } from './decision.ts';
import type { ChangeProfile } from './profile.ts';
import { type ApiKey, type Limits, limitsOf, type Tenant, type TenantsState, type UsageDay } from './state.ts';
import { type ChangeSubscription, standingOf } from './subscription.ts';

export interface ProfileEdit {
  readonly company_name: unknown;
  readonly admin_email: unknown;
  readonly status: unknown;
}
export function profileEdited(tenant: Tenant, row: ProfileEdit): ChangeProfile[] {
  const status = TENANT_STATUSES.find((known) => known === row.status);
  const company_name = textOr(row.company_name, tenant.company_name);
  const admin_email = textOr(row.admin_email, tenant.admin_email);
  if (company_name === tenant.company_name && admin_email === tenant.admin_email && (!status || status === tenant.status)) return [];
  return [
    { kind: 'change-profile', tenant_id: tenant.tenant_id, company_name, admin_email, status: (status ?? tenant.status) as TenantStatus },
  ];
}

export interface SubscriptionEdit extends Readonly<Record<keyof Limits, unknown>> {
  readonly plan_name: unknown;
  readonly status: unknown;
}
export function subscriptionEdited(tenant: Tenant, row: SubscriptionEdit): ChangeSubscription[] {
  const now = tenant.subscription;
  const plan = PLAN_NAMES.find((known) => known === row.plan_name) as Plan | undefined;
  const status = SUBSCRIPTION_STATUSES.find((known) => known === row.status) as SubscriptionStatus | undefined;
  const told: Record<string, number> = {};
  for (const name of Object.keys(limitsOf(now.plan_name)) as (keyof Limits)[]) {
    const limit = limitOr(row[name], now[name]);
    if (limit !== now[name]) told[name] = limit;
  }
  const change = {
    ...(plan && plan !== now.plan_name && { plan_name: plan }),
    ...(status && status !== now.status && { status }),
    ...told,
  };
  return Object.keys(change).length === 0 ? [] : [{ kind: 'change-subscription', tenant_id: tenant.tenant_id, ...change }];
}

export interface AdoptApiKey {
  readonly kind: 'adopt-api-key';
  readonly tenant_id: string;
  readonly api_key_id: string;
  readonly is_active: boolean;
  readonly expires_at: string | null;
}
export function apiKeyEdited(
  tenant: Tenant,
  key: ApiKey,
  row: { readonly is_active: unknown; readonly expires_at: string | null },
): AdoptApiKey[] {
  const is_active = key.is_active && row.is_active !== false;
  const told = row.expires_at === null ? Number.NaN : Date.parse(row.expires_at);
  const sooner = told < (key.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(key.expires_at));
  if (is_active === key.is_active && !sooner) return [];
  const expires_at = sooner ? row.expires_at : key.expires_at;
  return [{ kind: 'adopt-api-key', tenant_id: tenant.tenant_id, api_key_id: key.api_key_id, is_active, expires_at }];
}
export function decideAdoptedKey(state: TenantsState, command: AdoptApiKey): Decision<null> {
  return withTenant(state, command.tenant_id, (tenant) => {
    const { kind: _, ...fields } = command;
    return accept(null, { type: 'api_key_adopted', ...fields, standing: standingOf(tenant) });
  });
}

export interface AdoptUsage {
  readonly kind: 'adopt-usage';
  readonly tenant_id: string;
  readonly usage_date: string;
  readonly run: number;
  readonly month_run: number;
}
/** The two counts as a row shows them. */
export interface UsageCounts {
  readonly run: unknown;
  readonly month_run: unknown;
}
/** `was`: as the row was written last, so that what ran since is known. */
export function usageEdited(tenant: Tenant, day: UsageDay, row: UsageCounts, was: UsageCounts): AdoptUsage[] {
  const since = (name: 'run' | 'month_run'): number => {
    const zeroed = row[name] === 0 && typeof was[name] === 'number' && was[name] !== 0;
    return zeroed ? Math.max(0, day[name] - (was[name] as number)) : day[name];
  };
  const [run, month_run] = [since('run'), since('month_run')];
  if (run === day.run && month_run === day.month_run) return [];
  return [{ kind: 'adopt-usage', tenant_id: tenant.tenant_id, usage_date: day.usage_date, run, month_run }];
}
export function decideAdoptedUsage(state: TenantsState, command: AdoptUsage): Decision<null> {
  return withTenant(state, command.tenant_id, (tenant) => {
    const { kind: _, ...fields } = command;
    return tenant.days[0]?.usage_date === command.usage_date ? accept(null, { type: 'usage_reset', ...fields }) : accept(null);
  });
}

const textOr = (value: unknown, otherwise: string): string => (typeof value === 'string' && value.trim() !== '' ? value : otherwise);
const limitOr = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : otherwise;
