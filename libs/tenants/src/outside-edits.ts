/**
 * What people change in the tables by hand, read as commands. Runbooks do it: a limit, a status, a key switched off, a month's count
 * set to zero.
 *
 * 1. Only what a person may decide is taken over; what follows from runs (counts, how many are running) is written back as it is,
 * except a count set to zero. 2. A value that makes no sense is not taken over; the owner's row comes back. 3. The row may lag behind
 * memory by some seconds: a count is only believed where the lag can't explain it.
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
import type { ApiKey, Limits, Tenant, TenantsState, UsageDay } from './state.ts';
import { type ChangeSubscription, limitsOf, standingOf } from './subscription.ts';

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
  /** A second name of max_pipelines_per_day, for who edits that one. */
  readonly daily_limit: unknown;
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
  const daily = limitOr(row.daily_limit, now.max_pipelines_per_day);
  if (told.max_pipelines_per_day === undefined && daily !== now.max_pipelines_per_day) told.max_pipelines_per_day = daily;
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
  const is_active = typeof row.is_active === 'boolean' ? row.is_active : key.is_active;
  const same = (row.expires_at && Date.parse(row.expires_at)) === (key.expires_at && Date.parse(key.expires_at));
  const expires_at = same || (row.expires_at && Number.isNaN(Date.parse(row.expires_at))) ? key.expires_at : row.expires_at;
  if (is_active === key.is_active && expires_at === key.expires_at) return [];
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
/**
 * `month_run - run` is the same in every row of a day, however old; where it is not, somebody wrote. A zero in one of the two
 * says which; the other says how far the row lags.
 */
export function usageEdited(
  tenant: Tenant,
  day: UsageDay,
  row: { readonly pipelines_run_today: unknown; readonly pipelines_run_month: unknown },
): AdoptUsage[] {
  const { pipelines_run_today: today, pipelines_run_month: month } = row;
  if (typeof today !== 'number' || typeof month !== 'number' || month - today === day.month_run - day.run) return [];
  const adopt = (run: number, month_run: number): AdoptUsage[] => [
    { kind: 'adopt-usage', tenant_id: tenant.tenant_id, usage_date: day.usage_date, run, month_run },
  ];
  if (month === 0) return adopt(day.run, Math.max(0, day.run - today));
  if (today === 0) return adopt(Math.max(0, day.month_run - month), day.month_run);
  return [];
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
