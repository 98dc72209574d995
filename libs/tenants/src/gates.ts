/** Why a run can't start yet: the gates of admission, for people. */
import type { Gate, RunSpec } from '@convergence/contracts';
import { nextDayStart, nextMonthStart } from './days.ts';
import { lockOf, type Tenant, type TenantsState } from './state.ts';
import { usageAt } from './usage.ts';

/** Every gate of admission as it stands, in the order in which it is asked. */
export function gatesOf(
  state: TenantsState,
  tenant: Tenant,
  run: Pick<RunSpec, 'run_id' | 'provider' | 'domain' | 'template' | 'parameters_hash'> | undefined,
  now: number,
): Gate[] {
  const day = usageAt(tenant, now);
  const { subscription } = tenant;
  const none = { since: null, expected: null };
  const counted = (gate: string, value: number, limit: number, expected: string | null, what: string): Gate => ({
    gate,
    state: value >= limit ? 'closed' : 'open',
    value,
    limit,
    since: value >= limit ? day.last_updated : null,
    expected: value >= limit ? expected : null,
    detail: `${value} of ${limit} ${what}`,
  });
  const lock = run && state.locks.get(lockOf({ ...run, tenant_id: tenant.tenant_id }));
  const other = lock && lock !== run?.run_id ? state.admissions.get(lock) : undefined;
  const first = [...tenant.live.values()][0];
  return [
    {
      gate: 'tenant_status',
      state: tenant.status === 'ACTIVE' ? 'open' : 'closed',
      value: tenant.status,
      limit: 'ACTIVE',
      ...none,
      since: tenant.status === 'ACTIVE' ? null : tenant.updated_at,
      detail: `The tenant is ${tenant.status}`,
    },
    {
      gate: 'subscription_status',
      state: subscription.status === 'ACTIVE' ? 'open' : 'closed',
      value: subscription.status,
      limit: 'ACTIVE',
      ...none,
      since: subscription.status === 'ACTIVE' ? null : subscription.updated_at,
      detail: `The subscription is ${subscription.status}`,
    },
    {
      gate: 'same_pipeline',
      state: other ? 'closed' : 'open',
      value: other?.run.run_id ?? null,
      limit: null,
      ...none,
      since: other?.admitted_at ?? null,
      detail: other
        ? 'The same pipeline with the same parameters is live'
        : 'No other run of the same pipeline with the same parameters is live',
    },
    counted('daily_quota', day.run, subscription.max_pipelines_per_day, nextDayStart(day.usage_date), 'runs today'),
    counted(
      'monthly_quota',
      day.month_run,
      subscription.max_pipelines_per_month,
      `${nextMonthStart(day.usage_date)}T00:00:00Z`,
      'runs this month',
    ),
    {
      ...counted('concurrency', tenant.live.size, subscription.max_concurrent_pipelines, null, 'pipelines running'),
      since: tenant.live.size >= subscription.max_concurrent_pipelines ? (first?.admitted_at ?? null) : null,
    },
  ];
}
