import { given, sampleRun } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import type { Tenant, TenantsState } from './state.ts';
import type { ChangeSubscription } from './subscription.ts';
import { admitted, onboarded, TENANTS } from './testing/sample.ts';

const plan = (state: TenantsState) => state.tenants.get('acme' as Tenant['tenant_id'])!.subscription;
const change = (fields: Partial<ChangeSubscription>): ChangeSubscription => ({ kind: 'change-subscription', tenant_id: 'acme', ...fields });

describe('subscriptions', () => {
  test('a plan brings its limits, and single ones may be set apart from it', () => {
    const { state } = given(TENANTS, [onboarded()])
      .when(change({ plan_name: 'SCALE', max_concurrent_pipelines: 50 }))
      .thenReply(null);
    expect(plan(state)).toMatchObject({ plan_name: 'SCALE', max_pipelines_per_day: 100, max_concurrent_pipelines: 50 });
  });

  test('a change counts for the running day at once, up and down', () => {
    const { state, when } = given(TENANTS, [onboarded(), admitted(1), admitted(2)]);
    when(change({ max_pipelines_per_day: 1 })).thenReply(null);
    when({ kind: 'admit', run: sampleRun(3) }).thenEvents([]);
    when(change({ plan_name: 'PROFESSIONAL' })).thenReply(null);
    when({ kind: 'admit', run: sampleRun(3) }).thenEvents([admitted(3)]);
    expect(state.tenants.get('acme' as Tenant['tenant_id'])?.live.size).toBe(3);
  });

  test('what Stripe says late changes nothing', () => {
    const { state } = given(TENANTS, [onboarded()])
      .when(change({ status: 'CANCELLED', stripe_updated_at: '2026-01-15T10:00:00.000Z' }))
      .thenReply(null)
      .when(change({ status: 'ACTIVE', plan_name: 'SCALE', stripe_updated_at: '2026-01-15T09:00:00.000Z' }))
      .thenEvents([]);
    expect(plan(state)).toMatchObject({ status: 'CANCELLED', plan_name: 'STARTER', subscription_end_date: '2026-01-15' });
  });

  test('nothing new is no event', () => {
    given(TENANTS, [onboarded()])
      .when(change({ plan_name: 'STARTER', status: 'ACTIVE' }))
      .thenEvents([]);
  });

  test('a tenant that is not there is refused', () => {
    given(TENANTS)
      .when(change({ plan_name: 'SCALE' }))
      .thenRefused('tenant.not_found');
  });
});
