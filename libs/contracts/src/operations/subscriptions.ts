import Type, { type Static } from 'typebox';
import { defineOperation } from '../operation.ts';
import { PLAN_NAMES } from '../plans.ts';
import { nullable, TenantIdField, TimeField } from './fields.ts';

/** A tenant's subscription: plan, limits, status. A plan brings its limits; single limits may then be set apart from it. */
export const SUBSCRIPTION_STATUSES = ['ACTIVE', 'PAST_DUE', 'SUSPENDED', 'CANCELLED'] as const;
export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

const Limit = Type.Integer({ minimum: 0, maximum: 1_000_000 });
const limits = {
  max_team_members: Limit,
  max_providers: Limit,
  max_pipelines_per_day: Limit,
  max_pipelines_per_month: Limit,
  max_concurrent_pipelines: Limit,
};

export const SubscriptionItem = Type.Object({
  subscription_id: Type.String(),
  tenant_id: TenantIdField,
  customer_id: Type.String(),
  plan_name: Type.Enum([...PLAN_NAMES]),
  status: Type.Enum([...SUBSCRIPTION_STATUSES]),
  ...limits,
  subscription_start_date: Type.String({ format: 'date' }),
  subscription_end_date: nullable(Type.String({ format: 'date' })),
  stripe_customer_id: nullable(Type.String()),
  stripe_subscription_id: nullable(Type.String()),
  created_at: TimeField,
  updated_at: TimeField,
});
export type SubscriptionItem = Static<typeof SubscriptionItem>;

export const SubscriptionChange = Type.Object(
  {
    plan_name: Type.Optional(Type.Enum([...PLAN_NAMES])),
    status: Type.Optional(Type.Enum([...SUBSCRIPTION_STATUSES])),
    ...Type.Partial(Type.Object(limits)).properties,
  },
  { additionalProperties: false, minProperties: 1 },
);
export type SubscriptionChange = Static<typeof SubscriptionChange>;

const common = {
  owner: 'tenant-service',
  path: '/api/v1/tenants/{tenant_id}/subscription',
  params: Type.Object({ tenant_id: TenantIdField }),
  response: SubscriptionItem,
} as const;

export const subscriptionGet = defineOperation({
  ...common,
  id: 'subscriptions.get',
  method: 'GET',
  summary: 'Plan, limits and status',
  auth: 'tenant',
  scope: 'tenant:read',
  errors: ['tenant.not_found'],
});
export const subscriptionChange = defineOperation({
  ...common,
  id: 'subscriptions.change',
  method: 'PATCH',
  summary: 'Change plan, status or single limits; applies to the running day at once',
  auth: 'admin',
  body: SubscriptionChange,
  errors: ['tenant.not_found', 'owner.changing'],
});
