/** Resources as the API shows them. 1. Nothing sealed, no hash and no key ever leaves through here. */
import type {
  ApiKeyItem,
  CredentialItem,
  ProviderConfigItem,
  SubscriptionItem,
  TenantProfile,
  TenantQuota,
  UsageDayItem,
} from '@convergence/contracts';
import {
  type ApiKey,
  type Credential,
  nextDayStart,
  nextMonthStart,
  type ProviderConfig,
  ROTATE_AFTER_DAYS,
  type Tenant,
  type UsageDay,
  usageAt,
  works,
} from '@convergence/tenants';
import { shownOptions } from './provider-options.ts';

const DAY_MS = 86_400_000;
const idsOf = ({ tenant_id }: Pick<Tenant, 'tenant_id'>) => ({ tenant_id, customer_id: tenant_id as string });

export const profileView = (tenant: Tenant): TenantProfile => ({
  ...idsOf(tenant),
  company_name: tenant.company_name,
  admin_email: tenant.admin_email,
  tenant_dataset_id: tenant.tenant_id,
  status: tenant.status,
  subscription_plan: tenant.subscription.plan_name,
  subscription_status: tenant.subscription.status,
  dataset_created: tenant.onboarding.dataset_created_at !== null,
  dryrun_status: tenant.onboarding.dryrun_status,
  created_at: tenant.created_at,
  updated_at: tenant.updated_at,
});

export function quotaView(tenant: Tenant, now: number): TenantQuota {
  const day = usageAt(tenant, now);
  const { max_pipelines_per_day, max_pipelines_per_month, max_concurrent_pipelines } = tenant.subscription;
  return {
    ...idsOf(tenant),
    usage_date: day.usage_date,
    pipelines_run_today: day.run,
    daily_limit: max_pipelines_per_day,
    remaining_today: Math.max(0, max_pipelines_per_day - day.run),
    pipelines_run_month: day.month_run,
    monthly_limit: max_pipelines_per_month,
    remaining_month: Math.max(0, max_pipelines_per_month - day.month_run),
    concurrent_pipelines_running: tenant.live.size,
    concurrent_limit: max_concurrent_pipelines,
    quota_reset_time: nextDayStart(day.usage_date),
    quota_reset_date: nextMonthStart(day.usage_date),
  };
}

export const usageDayView = (tenant: Tenant, day: UsageDay): UsageDayItem => ({
  usage_date: day.usage_date,
  pipelines_run_today: day.run,
  pipelines_succeeded_today: day.succeeded,
  pipelines_failed_today: day.failed,
  pipelines_cancelled_today: day.cancelled,
  max_concurrent_reached: day.peak,
  pipelines_run_month: day.month_run,
  daily_limit: tenant.subscription.max_pipelines_per_day,
});

export function subscriptionView(tenant: Tenant): SubscriptionItem {
  const { stripe_updated_at: _, ...subscription } = tenant.subscription;
  return { ...idsOf(tenant), ...subscription };
}

export function apiKeyView(tenant: Tenant, key: ApiKey, now: number): ApiKeyItem {
  const { sealed: _, api_key_hash: __, scopes, ...shown } = key;
  const created = Date.parse(key.created_at);
  const ends = key.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(key.expires_at);
  // A week before its end; one that lives for days only would be due before it was made.
  const due = Math.min(created + ROTATE_AFTER_DAYS * DAY_MS, ends - Math.min(7 * DAY_MS, (ends - created) / 2));
  return {
    ...idsOf(tenant),
    ...shown,
    scopes: [...scopes],
    is_active: works(key, now),
    rotation_due_at: new Date(due).toISOString(),
    rotation_due: works(key, now) && due <= now,
  };
}

export function credentialView(tenant: Tenant, credential: Credential): CredentialItem {
  const { sealed: _, ...shown } = credential;
  return { ...idsOf(tenant), ...shown };
}

export const providerConfigView = (tenant: Tenant, config: ProviderConfig): ProviderConfigItem => ({
  ...idsOf(tenant),
  ...config,
  notification_emails: [...config.notification_emails],
  options: shownOptions(config.options),
});
