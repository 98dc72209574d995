import { apply, initialState } from '@convergence/tenants';
import { expect, test } from '@jest/globals';
import { apiKeyView } from './views.ts';

const AT = '2026-01-15T10:00:00.000Z';
const DAY = 86_400_000;

function keyThat(expires_at: string | null) {
  const state = initialState();
  apply(
    state,
    {
      type: 'tenant_onboarded',
      tenant_id: 'acme',
      company_name: 'Acme',
      admin_email: 'a@b.co',
      plan_name: 'STARTER',
      subscription_id: 's',
      stripe_customer_id: null,
      stripe_subscription_id: null,
      stripe_updated_at: null,
      api_key: { api_key_id: 'k', api_key_hash: 'a-hash', sealed: 'a-seal', key_name: null, scopes: ['tenant:read'], expires_at },
      request_hash: 'r',
      run_dryrun: false,
      usage_date: '2026-01-15',
    },
    { at: AT },
  );
  const tenant = [...state.tenants.values()][0]!;
  return (days: number) => apiKeyView(tenant, tenant.api_keys[0]!, Date.parse(AT) + days * DAY);
}

test('after ninety days a key asks to be rotated, and goes on working', () => {
  const view = keyThat(null);
  expect(view(89)).toMatchObject({ rotation_due: false, is_active: true });
  expect(view(91)).toMatchObject({ rotation_due: true, is_active: true, rotation_due_at: '2026-04-15T10:00:00.000Z' });
});

test('one that expires asks a week before, and shows as inactive after', () => {
  const view = keyThat(new Date(Date.parse(AT) + 30 * DAY).toISOString());
  expect(view(22)).toMatchObject({ rotation_due: false });
  expect(view(24)).toMatchObject({ rotation_due: true, is_active: true });
  expect(view(31)).toMatchObject({ rotation_due: false, is_active: false });
});

test('one that lives for a few days asks when half of them are over', () => {
  const view = keyThat(new Date(Date.parse(AT) + 2 * DAY).toISOString());
  expect(view(0.9)).toMatchObject({ rotation_due: false, rotation_due_at: new Date(Date.parse(AT) + DAY).toISOString() });
  expect(view(1.1)).toMatchObject({ rotation_due: true, is_active: true });
});

test('neither hash nor seal is shown', () => {
  expect(JSON.stringify(keyThat(null)(0))).not.toMatch(/a-hash|a-seal/);
});
