import { given } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { apiKeyEdited, profileEdited, subscriptionEdited, usageEdited } from './outside-edits.ts';
import type { Tenant } from './state.ts';
import { admitted, ended, onboarded, TENANTS } from './testing/sample.ts';

const tenant = (events = [onboarded()]) => given(TENANTS, events).state.tenants.get('acme' as Tenant['tenant_id'])!;
const PLAN = {
  plan_name: 'STARTER',
  status: 'ACTIVE',
  max_team_members: 2,
  max_providers: 3,
  max_pipelines_per_day: 6,
  max_pipelines_per_month: 180,
  max_concurrent_pipelines: 3,
};
const PROFILE = { company_name: 'Acme Inc', admin_email: 'admin@acme.test', status: 'ACTIVE' };

describe('edits from outside', () => {
  test('a limit set by SQL is taken over', () => {
    expect(subscriptionEdited(tenant(), { ...PLAN, max_pipelines_per_day: 1 })).toEqual([
      { kind: 'change-subscription', tenant_id: 'acme', max_pipelines_per_day: 1 },
    ]);
  });

  test('the same edit seen twice changes nothing more', () => {
    const { state } = given(TENANTS, [onboarded()])
      .when(subscriptionEdited(tenant(), { ...PLAN, max_pipelines_per_day: 1 })[0]!)
      .thenReply(null);
    const limited = state.tenants.get('acme' as Tenant['tenant_id'])!;
    expect(subscriptionEdited(limited, { ...PLAN, max_pipelines_per_day: 1 })).toEqual([]);
  });

  test('a plan set by SQL brings its limits', () => {
    const { state } = given(TENANTS, [onboarded()])
      .when(subscriptionEdited(tenant(), { ...PLAN, plan_name: 'SCALE' })[0]!)
      .thenReply(null);
    expect(state.tenants.get('acme' as Tenant['tenant_id'])?.subscription.max_pipelines_per_day).toBe(100);
  });

  test('a status set by SQL is taken over, nonsense is not', () => {
    expect(profileEdited(tenant(), { ...PROFILE, status: 'SUSPENDED' })).toMatchObject([{ kind: 'change-profile', status: 'SUSPENDED' }]);
    expect(profileEdited(tenant(), { ...PROFILE, status: 'SLEEPING' })).toEqual([]);
    expect(profileEdited(tenant(), { ...PROFILE, company_name: null })).toEqual([]);
    expect(subscriptionEdited(tenant(), { ...PLAN, max_pipelines_per_day: -1, status: null })).toEqual([]);
  });

  test('a key switched off by SQL stops working, an earlier end too', () => {
    const held = tenant();
    const key = held.api_keys[0]!;
    expect(apiKeyEdited(held, key, { is_active: false, expires_at: null })).toMatchObject([{ kind: 'adopt-api-key', is_active: false }]);
    expect(apiKeyEdited(held, key, { is_active: true, expires_at: '2026-02-01T00:00:00Z' })).toMatchObject([
      { is_active: true, expires_at: '2026-02-01T00:00:00Z' },
    ]);
    expect(apiKeyEdited(held, key, { is_active: true, expires_at: 'never' })).toEqual([]);
  });

  test('no edit makes a key stronger', () => {
    const revoked = tenant([
      onboarded(),
      { type: 'api_key_revoked', tenant_id: 'acme', api_key_id: 'key-1', standing: { status: 'ACTIVE', plan: 'STARTER' } },
    ]);
    expect(apiKeyEdited(revoked, revoked.api_keys[0]!, { is_active: true, expires_at: null })).toEqual([]);
    const ending = { ...tenant().api_keys[0]!, expires_at: '2026-02-01T00:00:00.000Z' };
    expect(apiKeyEdited(tenant(), ending, { is_active: true, expires_at: '2026-03-01T00:00:00.000Z' })).toEqual([]);
    expect(apiKeyEdited(tenant(), ending, { is_active: true, expires_at: null })).toEqual([]);
  });

  describe('a month set to zero', () => {
    const busy = tenant([onboarded(), admitted(1, '2026-01-15T10:00:00.000Z'), ended(1), admitted(2, '2026-01-16T10:00:00.000Z')]);
    const day = busy.days[0]!;

    test('is taken over, with what ran since the row was written', () => {
      expect(day).toMatchObject({ run: 1, month_run: 2 });
      expect(usageEdited(busy, day, { run: 1, month_run: 0 }, { run: 1, month_run: 2 })).toMatchObject([{ run: 1, month_run: 0 }]);
      expect(usageEdited(busy, day, { run: 1, month_run: 0 }, { run: 0, month_run: 1 })).toMatchObject([{ run: 1, month_run: 1 }]);
    });
    test('so is a day set to zero', () => {
      expect(usageEdited(busy, day, { run: 0, month_run: 2 }, { run: 1, month_run: 2 })).toMatchObject([{ run: 0, month_run: 2 }]);
    });
    test('a zero that was there before is no edit', () => {
      expect(usageEdited(busy, day, { run: 0, month_run: 2 }, { run: 0, month_run: 1 })).toEqual([]);
    });
    test('other counts are not believed', () => {
      expect(usageEdited(busy, day, { run: 1, month_run: 77 }, { run: 1, month_run: 2 })).toEqual([]);
    });
  });
});
