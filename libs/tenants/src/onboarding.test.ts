import { given } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { findKey } from './api-keys.ts';
import type { TenantEvent } from './events.ts';
import type { Tenant, TenantsState } from './state.ts';
import { AT, onboard, onboarded, sampleKey, TENANTS } from './testing/sample.ts';

const acme = (state: TenantsState) => state.tenants.get('acme' as Tenant['tenant_id'])!;
const hashOf = (n: number) => sampleKey(n).api_key_hash;
const delivered: TenantEvent = { type: 'api_key_delivered', tenant_id: 'acme', api_key_id: 'key-1' };
const used: TenantEvent = { type: 'api_keys_used', used: [{ api_key_id: 'key-1', at: AT }] };

describe('onboarding', () => {
  test('brings profile, plan, key and usage day in one event', () => {
    const { state } = given(TENANTS)
      .when(onboard({ plan_name: 'PROFESSIONAL' }))
      .thenReply({ outcome: 'created', key: true });
    expect(acme(state)).toMatchObject({ status: 'ACTIVE', company_name: 'Acme Inc' });
    expect(acme(state).subscription).toMatchObject({
      plan_name: 'PROFESSIONAL',
      status: 'ACTIVE',
      max_pipelines_per_day: 25,
      max_concurrent_pipelines: 5,
    });
    expect(acme(state).days).toMatchObject([{ usage_date: '2026-01-15', run: 0, month_run: 0 }]);
    expect(findKey(state, hashOf(2), Date.parse(AT))?.tenant.tenant_id).toBe('acme');
  });

  test('the same request again, before the key was handed over, resumes with a new key and revokes the first', () => {
    const { state } = given(TENANTS, [onboarded()]).when(onboard()).thenReply({ outcome: 'resumed', key: true });
    expect(findKey(state, hashOf(1), Date.parse(AT))).toBeUndefined();
    expect(findKey(state, hashOf(2), Date.parse(AT))).toBeDefined();
  });

  test.each([
    ['the key was handed over', [delivered], {}, AT],
    ['the key was used', [used], {}, AT],
    ['a day has passed', [], {}, '2026-01-16T10:00:01.000Z'],
    ['the request is another', [], { request_hash: 'request-2' }, AT],
  ] as const)('refuses anyone when %s', (_, events, over, at) => {
    const { state } = given(TENANTS, [onboarded(), ...events])
      .when(onboard(over), at)
      .thenRefused('tenant.exists');
    expect(findKey(state, hashOf(1), Date.parse(at))).toBeDefined();
  });

  test('an administrator gets a further key, and plan and profile as asked; the old key works on', () => {
    const { state } = given(TENANTS, [onboarded(), delivered])
      .when(onboard({ by: 'admin', company_name: 'Acme AG', plan_name: 'SCALE' }))
      .thenReply({ outcome: 'repeated', key: true });
    expect(acme(state)).toMatchObject({ company_name: 'Acme AG', subscription: { plan_name: 'SCALE', max_pipelines_per_day: 100 } });
    expect([1, 2].map((n) => findKey(state, hashOf(n), Date.parse(AT))?.key.is_active)).toEqual([true, true]);
  });

  test("the tenant's own key may repeat it, gets no other key and can not change its plan", () => {
    const { state } = given(TENANTS, [onboarded(), delivered])
      .when(onboard({ by: 'owner', plan_name: 'SCALE' }))
      .thenReply({ outcome: 'repeated', key: false });
    expect(acme(state).subscription.plan_name).toBe('STARTER');
    expect(acme(state).api_keys).toHaveLength(1);
  });

  test('an administrator brings a cancelled tenant back', () => {
    const cancelled: TenantEvent = {
      type: 'status_changed',
      tenant_id: 'acme',
      status: 'CANCELLED',
      standing: { status: 'CANCELLED', plan: 'STARTER' },
    };
    const { state } = given(TENANTS, [onboarded(), delivered, cancelled])
      .when(onboard({ by: 'admin' }))
      .thenReply({ outcome: 'repeated', key: true });
    expect(acme(state).status).toBe('ACTIVE');
  });

  describe('by the very command that made the key', () => {
    const again = (over = {}) => onboard({ api_key: sampleKey(1), ...over });

    test('anyone gets that key while it can not have reached anybody, and after that no key; nothing changes', () => {
      given(TENANTS, [onboarded()]).when(again()).thenEvents([]).when(again()).thenReply({ outcome: 'known', key: true });
      given(TENANTS, [onboarded(), delivered]).when(again()).thenReply({ outcome: 'known', key: false });
      given(TENANTS, [onboarded(), used]).when(again()).thenReply({ outcome: 'known', key: false });
    });

    test("the tenant's own key changes it once: what was changed since stays", () => {
      const named: TenantEvent = { type: 'command_named', command: 'a-command@1', request: 'r', holder: 'tenant acme' };
      const renamed = (company_name: string) => ({ kind: 'change-profile', tenant_id: 'acme', company_name }) as const;
      const own = onboard({ by: 'owner', company_name: 'Acme AG', command: 'a-command@1' });
      const { state } = given(TENANTS, [onboarded(), delivered, named])
        .when(own)
        .thenReply({ outcome: 'repeated', key: false })
        .when(renamed('Acme SE'))
        .thenReply(null)
        .when(own)
        .thenReply({ outcome: 'known', key: false });
      expect(acme(state).company_name).toBe('Acme SE');
    });

    test('an administrator gets that key, and what was changed since stays', () => {
      given(TENANTS, [onboarded(), delivered])
        .when(again({ by: 'admin', company_name: 'Acme AG', plan_name: 'SCALE' }))
        .thenEvents([])
        .when(again({ by: 'admin' }))
        .thenReply({ outcome: 'known', key: true });
    });
  });

  test('steps are noted once', () => {
    const step = { kind: 'note-dataset-prepared', tenant_id: 'acme', tables: ['x_meta_step_logs'] } as const;
    given(TENANTS, [onboarded()])
      .when(step)
      .thenEvents([{ type: 'dataset_prepared', tenant_id: 'acme', tables: ['x_meta_step_logs'] }])
      .when(step)
      .thenEvents([])
      .when({ kind: 'note-welcome-sent', tenant_id: 'acme' })
      .thenEvents([{ type: 'welcome_sent', tenant_id: 'acme' }])
      .when({ kind: 'note-welcome-sent', tenant_id: 'acme' })
      .thenEvents([]);
  });
});

describe('purging', () => {
  test('revokes every key, removes every secret and keeps the name taken', () => {
    const { state, when } = given(TENANTS, [onboarded(), delivered]);
    when({
      kind: 'add-credential',
      tenant_id: 'acme',
      credential: {
        credential_id: 'c1',
        provider: 'AWS',
        credential_type: 'ACCESS_KEY',
        credential_name: 'aws',
        project_id: null,
        credential_hint: '',
        sealed: 's',
      },
    }).thenReply(null);
    when({ kind: 'purge-tenant', tenant_id: 'acme' }).thenReply(null);
    expect(acme(state)).toMatchObject({ status: 'CANCELLED', credentials: [], provider_configs: [] });
    expect(findKey(state, hashOf(1), Date.parse(AT))).toBeUndefined();
    when(onboard({ request_hash: 'request-1' })).thenRefused('tenant.exists');
  });
});
