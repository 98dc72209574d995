import type { Plan, SubscriptionStatus } from '@convergence/contracts';
import type { Row } from '@convergence/ports';
import { tenantSubscriptions } from '@convergence/tables';
import { subscriptionEdited, tenantNamed } from '@convergence/tenants';
import { count, date, loose, text, textOrNull, time, timeOrNull } from './cells.ts';
import { find, ids, type TenantProjection } from './projection.ts';

/** One subscription a tenant, so its key is the tenant: a person's UPDATE by tenant_id meets exactly one row. */
export const subscriptions: TenantProjection = {
  table: tenantSubscriptions,
  key: ['tenant_id'],
  touches: (event) => (event.type === 'tenant_onboarded' || event.type === 'subscription_changed' ? [event.tenant_id] : []),
  row(state, key) {
    const tenant = find(state, key);
    return tenant && { ...ids(key), ...tenant.subscription, daily_limit: tenant.subscription.max_pipelines_per_day };
  },
  load(state, rows) {
    for (const row of rows) {
      tenantNamed(state, text(row, 'tenant_id')).subscription = {
        subscription_id: text(row, 'subscription_id'),
        plan_name: text(row, 'plan_name') as Plan,
        status: text(row, 'status') as SubscriptionStatus,
        max_team_members: count(row, 'max_team_members'),
        max_providers: count(row, 'max_providers'),
        max_pipelines_per_day: count(row, 'max_pipelines_per_day'),
        max_pipelines_per_month: count(row, 'max_pipelines_per_month'),
        max_concurrent_pipelines: count(row, 'max_concurrent_pipelines'),
        subscription_start_date: date(row, 'subscription_start_date'),
        subscription_end_date: row.subscription_end_date == null ? null : date(row, 'subscription_end_date'),
        stripe_customer_id: textOrNull(row, 'stripe_customer_id'),
        stripe_subscription_id: textOrNull(row, 'stripe_subscription_id'),
        stripe_updated_at: timeOrNull(row, 'stripe_updated_at'),
        created_at: time(row, 'created_at'),
        updated_at: time(row, 'updated_at'),
      };
    }
  },
  all: (state) => state.tenants,
  adopt(state, row) {
    const tenant = find(state, row.tenant_id);
    if (!tenant) return [];
    return subscriptionEdited(tenant, {
      plan_name: row.plan_name,
      status: row.status,
      max_team_members: loose(row, 'max_team_members'),
      max_providers: loose(row, 'max_providers'),
      max_pipelines_per_day: editedDayLimit(row, tenant.subscription.max_pipelines_per_day),
      max_pipelines_per_month: loose(row, 'max_pipelines_per_month'),
      max_concurrent_pipelines: loose(row, 'max_concurrent_pipelines'),
    });
  },
};

/** It stands in two columns; either may have been edited. */
function editedDayLimit(row: Row, now: number): unknown {
  const limit = loose(row, 'max_pipelines_per_day');
  return limit === now ? loose(row, 'daily_limit') : limit;
}
