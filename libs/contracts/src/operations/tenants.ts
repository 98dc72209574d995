import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { PLAN_NAMES } from '../plans.ts';
import { DateField, nullable, page, pageQuery, TenantIdField, TimeField } from './fields.ts';

/** Tenants: onboarding, profiles, and what they used of their plan. */
export const TENANT_STATUSES = ['ACTIVE', 'SUSPENDED', 'CANCELLED'] as const;
export type TenantStatus = (typeof TENANT_STATUSES)[number];
export const DRYRUN_STATUSES = ['SUCCESS', 'FAILED', 'PENDING', 'SKIPPED'] as const;
export type DryrunStatus = (typeof DRYRUN_STATUSES)[number];

const closed = { additionalProperties: false } as const;
const CompanyName = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]+$',
  'x-hint': 'must be a name without control characters',
});
const AdminEmail = Type.String({ format: 'email', maxLength: 254 });

export const OnboardRequest = Type.Object(
  {
    tenant_id: TenantIdField,
    company_name: CompanyName,
    admin_email: AdminEmail,
    subscription_plan: Type.Enum([...PLAN_NAMES], { default: 'STARTER' }),
    force_recreate_dataset: Type.Boolean({
      default: false,
      description: 'Drop and make the dataset again; only for an existing tenant, by admin.',
    }),
    run_dryrun: Type.Boolean({ default: true }),
  },
  { ...closed, required: ['tenant_id', 'company_name', 'admin_email'] },
);
export type OnboardRequest = Static<typeof OnboardRequest>;

export const OnboardAnswer = Type.Object({
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  /** Shown by the answer that made it alone; null when the tenant already holds a key that works. */
  api_key: nullable(Type.String()),
  subscription_plan: Type.Enum([...PLAN_NAMES]),
  /** The dataset exists. False: it is still being made, and will be. */
  dataset_created: Type.Boolean(),
  tables_created: Type.Array(Type.String()),
  /** PENDING: it is on its way or still runs; its run says how it went. */
  dryrun_status: Type.Enum([...DRYRUN_STATUSES]),
  dryrun_run_id: nullable(Type.String()),
  message: Type.String(),
});
export type OnboardAnswer = Static<typeof OnboardAnswer>;

export const TenantProfile = Type.Object({
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  company_name: Type.String(),
  admin_email: Type.String(),
  tenant_dataset_id: Type.String(),
  status: Type.Enum([...TENANT_STATUSES]),
  subscription_plan: Type.String(),
  subscription_status: Type.String(),
  dataset_created: Type.Boolean(),
  dryrun_status: Type.Enum([...DRYRUN_STATUSES]),
  created_at: TimeField,
  updated_at: TimeField,
});
export type TenantProfile = Static<typeof TenantProfile>;

export const TenantQuota = Type.Object({
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  usage_date: DateField,
  pipelines_run_today: Type.Integer(),
  daily_limit: Type.Integer(),
  remaining_today: Type.Integer(),
  pipelines_run_month: Type.Integer(),
  monthly_limit: Type.Integer(),
  remaining_month: Type.Integer(),
  concurrent_pipelines_running: Type.Integer(),
  concurrent_limit: Type.Integer(),
  /** When the daily count begins anew. */
  quota_reset_time: TimeField,
  /** When the monthly count begins anew. */
  quota_reset_date: DateField,
});
export type TenantQuota = Static<typeof TenantQuota>;

export const UsageDayItem = Type.Object({
  usage_date: DateField,
  pipelines_run_today: Type.Integer(),
  pipelines_succeeded_today: Type.Integer(),
  pipelines_failed_today: Type.Integer(),
  pipelines_cancelled_today: Type.Integer(),
  max_concurrent_reached: Type.Integer(),
  pipelines_run_month: Type.Integer(),
  daily_limit: Type.Integer(),
});
export type UsageDayItem = Static<typeof UsageDayItem>;

const ofTenant = Type.Object({ tenant_id: TenantIdField });
const common = { owner: 'tenant-service' } as const;
const one = '/api/v1/tenants/{tenant_id}';

export const tenantsOnboard = defineOperation({
  ...common,
  id: 'tenants.onboard',
  method: 'POST',
  path: '/api/v1/tenants/onboard',
  summary: 'Make a tenant: profile, key, plan, quota, dataset and tables, then run the dry run',
  auth: 'onboarding',
  body: OnboardRequest,
  response: OnboardAnswer,
  errors: ['tenant.exists', 'owner.changing', 'service.unavailable'],
});
export const tenantsList = defineOperation({
  ...common,
  id: 'tenants.list',
  method: 'GET',
  path: '/api/v1/tenants',
  summary: 'All tenants',
  auth: 'admin',
  query: Type.Object({ ...pageQuery, status: Type.Optional(Type.Enum([...TENANT_STATUSES])) }, closed),
  response: page(TenantProfile),
  errors: [],
});
export const tenantsGet = defineOperation({
  ...common,
  id: 'tenants.get',
  method: 'GET',
  path: one,
  summary: 'A tenant with its plan and status',
  auth: 'tenant',
  scope: 'tenant:read',
  params: ofTenant,
  response: TenantProfile,
  errors: ['tenant.not_found'],
});
export const tenantsChange = defineOperation({
  ...common,
  id: 'tenants.change',
  method: 'PATCH',
  path: one,
  summary: 'Change company name or e-mail; the status by admin only',
  auth: 'tenant',
  scope: 'tenant:write',
  params: ofTenant,
  body: Type.Object(
    {
      company_name: Type.Optional(CompanyName),
      admin_email: Type.Optional(AdminEmail),
      status: Type.Optional(Type.Enum([...TENANT_STATUSES])),
    },
    { ...closed, minProperties: 1 },
  ),
  response: TenantProfile,
  errors: ['tenant.not_found', 'auth.invalid_admin_key', 'owner.changing'],
});
export const tenantsCancel = defineOperation({
  ...common,
  id: 'tenants.cancel',
  method: 'DELETE',
  path: one,
  summary: 'Cancel a tenant; ?purge=true also drops its dataset and secrets, confirmed by X-Confirm: {tenant_id}',
  auth: 'admin',
  params: ofTenant,
  query: Type.Object({ purge: Type.Optional(Type.Boolean({ default: false })) }, closed),
  response: TenantProfile,
  errors: ['tenant.not_found', 'request.confirmation_required', 'owner.changing', 'service.unavailable'],
});
export const tenantsQuota = defineOperation({
  ...common,
  id: 'tenants.quota',
  method: 'GET',
  path: `${one}/quota`,
  summary: 'What is used and left of the plan, now',
  auth: 'tenant',
  scope: 'tenant:read',
  params: ofTenant,
  response: TenantQuota,
  errors: ['tenant.not_found'],
});
export const tenantsUsage = defineOperation({
  ...common,
  id: 'tenants.usage',
  method: 'GET',
  path: `${one}/usage`,
  summary: 'Usage per UTC day, newest first',
  auth: 'tenant',
  scope: 'tenant:read',
  params: ofTenant,
  query: Type.Object({ from: Type.Optional(DateField), to: Type.Optional(DateField) }, closed),
  response: Type.Object({ items: Type.Array(UsageDayItem), next_cursor: Type.Null() }),
  errors: ['tenant.not_found', 'service.unavailable'],
});
