/**
 * What people change in the tables by hand, read as commands. Runbooks do it: a limit, a status, a key switched off, a month's count
 * set to zero.
 *
 * 1. Only what a person may decide is taken over; what follows from runs (counts, how many are running) is written back as it is,
 * except a count set to zero. 2. A value that makes no sense is not taken over; the owner's row comes back. 3. The row may lag behind
 * memory by some seconds. One that is older than memory's last change is not read at all (its untouched columns would undo that change),
 * and a count is only believed where the lag can't explain it. 4. An edit can only weaken a key: no stale row brings a revoked one back.
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

/** When the row was written, by us or by the person's own SQL. */
interface Written {
  readonly updated_at: unknown;
}
const isBehind = (row: Written, updated_at: string): boolean => !(Date.parse(String(row.updated_at)) >= Date.parse(updated_at));

export interface ProfileEdit extends Written {
  readonly company_name: unknown;
  readonly admin_email: unknown;
  readonly status: unknown;
}
export function profileEdited(tenant: Tenant, row: ProfileEdit): ChangeProfile[] {
  if (isBehind(row, tenant.updated_at)) return [];
  const status = TENANT_STATUSES.find((known) => known === row.status);
  const company_name = textOr(row.company_name, tenant.company_name);
  const admin_email = textOr(row.admin_email, tenant.admin_email);
  if (company_name === tenant.company_name && admin_email === tenant.admin_email && (!status || status === tenant.status)) return [];
  return [
    { kind: 'change-profile', tenant_id: tenant.tenant_id, company_name, admin_email, status: (status ?? tenant.status) as TenantStatus },
  ];
}

export interface SubscriptionEdit extends Written, Readonly<Record<keyof Limits, unknown>> {
  readonly plan_name: unknown;
  readonly status: unknown;
}
export function subscriptionEdited(tenant: Tenant, row: SubscriptionEdit): ChangeSubscription[] {
  const now = tenant.subscription;
  if (isBehind(row, now.updated_at)) return [];
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
