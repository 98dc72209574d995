import { given } from '@convergence/testing';
import { expect, test } from '@jest/globals';
import type { Tenant, TenantsState } from './state.ts';
import { admitted, ended, onboarded, TENANTS } from './testing/sample.ts';
import { usageAt } from './usage.ts';

const acme = (state: TenantsState) => state.tenants.get('acme' as Tenant['tenant_id'])!;
const reset = { kind: 'reset-quotas' } as const;

test('the nightly reset opens the new day for everybody; twice changes nothing', () => {
  const { state, when } = given(TENANTS, [onboarded(), onboarded('globex', 'STARTER', 2), admitted(1), ended(1)]);
  when(reset, '2026-01-16T00:00:00.000Z').thenReply({ records_updated: 2, usage_date: '2026-01-16' });
  when(reset, '2026-01-16T00:00:00.000Z').thenEvents([]);
  expect(acme(state).days.map((day) => [day.usage_date, day.run])).toEqual([
    ['2026-01-16', 0],
    ['2026-01-15', 1],
  ]);
});

test('the reset carries what is running and leaves past days as they are', () => {
  const { state, when } = given(TENANTS, [onboarded(), admitted(1), admitted(2), ended(1)]);
  when(reset, '2026-01-16T00:00:00.000Z').thenReply({ records_updated: 1, usage_date: '2026-01-16' });
  expect(acme(state).days[0]).toMatchObject({ run: 0, succeeded: 0, peak: 1, month_run: 2 });
  expect(acme(state).days[1]).toMatchObject({ run: 2, succeeded: 1, peak: 2 });
  expect(acme(state).live.size).toBe(1);
});

test('memory keeps the running day, the one before, and those that something live still counts on', () => {
  const { state, when } = given(TENANTS, [onboarded(), admitted(1)]);
  for (const day of ['16', '17', '18', '19'])
    when(reset, `2026-01-${day}T00:00:00.000Z`).thenReply({ records_updated: 1, usage_date: `2026-01-${day}` });
  expect(acme(state).days.map((day) => day.usage_date)).toEqual(['2026-01-19', '2026-01-18', '2026-01-15']);
});

test('a day that nobody opened yet reads as zero used, not as exceeded; a new month begins at zero', () => {
  const { state } = given(TENANTS, [onboarded(), admitted(1), ended(1)]);
  expect(usageAt(acme(state), Date.parse('2026-01-20T10:00:00Z'))).toMatchObject({ usage_date: '2026-01-20', run: 0, month_run: 1 });
  expect(usageAt(acme(state), Date.parse('2026-02-01T00:00:00Z'))).toMatchObject({ run: 0, month_run: 0 });
});

test('what happened to a tenant whose profile somebody deleted happens to one that is suspended, and to all others', () => {
  const { state, when } = given(TENANTS, [onboarded('globex', 'STARTER', 2), admitted(1), ended(1)]);
  expect(acme(state)).toMatchObject({ status: 'SUSPENDED', subscription: { status: 'SUSPENDED' }, days: [{ run: 1, succeeded: 1 }] });
  when(reset, '2026-01-16T00:00:00.000Z').thenReply({ records_updated: 2, usage_date: '2026-01-16' });
});
