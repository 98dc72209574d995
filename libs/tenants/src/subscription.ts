/**
 * Plans and limits. 1. A plan brings its limits; single limits may be set apart from it and stay until the plan changes.
 * 2. A change applies to the running day at once: nothing is copied per day. 3. What Stripe says late (older than what was taken
 * over) changes nothing.
 */
import type { Plan, SubscriptionStatus } from '@convergence/contracts';
import { touch } from './change-feed.ts';
import { accept, type Context, type Decision, withTenant } from './decision.ts';
import type { Standing, TenantEvent } from './events.ts';
import { type Limits, limitsOf, type Subscription, type Tenant, type TenantsState, tenantNamed } from './state.ts';

export const standingOf = (tenant: Tenant): Standing => ({ status: tenant.status, plan: tenant.subscription.plan_name });

export interface ChangeSubscription extends Partial<Limits> {
  readonly kind: 'change-subscription';
  readonly tenant_id: string;
  readonly plan_name?: Plan;
  readonly status?: SubscriptionStatus;
  readonly stripe_customer_id?: string;
  readonly stripe_subscription_id?: string;
  /** Stripe's time of the event that asks. */
  readonly stripe_updated_at?: string;
}

export function decideSubscription(state: TenantsState, command: ChangeSubscription, context: Context): Decision<null> {
  return withTenant(state, command.tenant_id, (tenant) => {
    const { kind: _, tenant_id, ...asked } = command;
    const now = tenant.subscription;
    if (asked.stripe_updated_at && now.stripe_updated_at && asked.stripe_updated_at < now.stripe_updated_at) return accept(null);
    const change: Record<string, unknown> = {
      ...(asked.plan_name && asked.plan_name !== now.plan_name && limitsOf(asked.plan_name)),
      ...asked,
    };
    if (asked.status === 'CANCELLED' && now.status !== 'CANCELLED') {
      change.subscription_end_date = new Date(context.now).toISOString().slice(0, 10);
    }
    if (asked.status === 'ACTIVE') change.subscription_end_date = null;
    for (const [name, value] of Object.entries(change)) if (now[name as keyof Subscription] === value) delete change[name];
    if (Object.keys(change).length === 0) return accept(null);
    const subscription = change as Partial<Subscription>;
    const standing: Standing = { ...standingOf(tenant), plan: subscription.plan_name ?? now.plan_name };
    return accept(null, { type: 'subscription_changed', tenant_id, subscription, standing });
  });
}

export function applySubscription(state: TenantsState, event: Extract<TenantEvent, { type: 'subscription_changed' }>, at: string): void {
  const tenant = tenantNamed(state, event.tenant_id);
  tenant.subscription = { ...tenant.subscription, ...event.subscription, updated_at: at };
  tenant.updated_at = at;
  touch(state.feed, tenant.tenant_id);
}
