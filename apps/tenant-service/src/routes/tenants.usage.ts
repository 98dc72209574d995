import { Refusal, tenantsUsage, type UsageDayItem } from '@convergence/contracts';
import { addDays, HISTORY_DAYS, usageAt, utcDate } from '@convergence/tenants';
import { count, date } from '../tables/cells.ts';
import type { Tenants } from '../tenants.ts';
import { usageDayView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

const DAYS = 30;

/** The days that memory holds are as they are now; older ones come from the table. */
export const tenantsUsageRoute = (tools: Pick<Tenants, 'slice' | 'warehouse' | 'clock' | 'config'>) =>
  operationRoute(tenantsUsage, async ({ params, query, signal }) => {
    const tenant = tenantOf(tools.slice, params.tenant_id);
    const now = tools.clock.now();
    const to = query.to ?? utcDate(now);
    const from = query.from ?? addDays(to, 1 - DAYS);
    if (from > to) throw new Refusal('request.invalid', 'from is after to.');
    if (addDays(from, 2 * HISTORY_DAYS) < to) throw new Refusal('request.invalid', `At most ${2 * HISTORY_DAYS} days at a time.`);
    const days = new Map<string, UsageDayItem>();
    const held = new Set([usageAt(tenant, now), ...tenant.days]);
    const oldest = [...held].map((day) => day.usage_date).sort()[0] ?? to;
    const began = tenant.created_at.slice(0, 10);
    // Before it began there is nothing, and the earliest of days are none to the warehouse.
    const since = from < began ? began : from;
    if (since < oldest && since <= to)
      for (const item of await history(tools, tenant.tenant_id, since, to, signal)) days.set(item.usage_date, item);
    for (const day of held) days.set(day.usage_date, usageDayView(tenant, day));
    const items = [...days.values()].filter(({ usage_date }) => usage_date >= from && usage_date <= to);
    return { body: { items: items.sort((a, b) => (a.usage_date < b.usage_date ? 1 : -1)), next_cursor: null } };
  });

async function history(
  { warehouse, config }: Pick<Tenants, 'warehouse' | 'config'>,
  tenantId: string,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<UsageDayItem[]> {
  const { rows } = await warehouse.run({
    sql: `SELECT usage_date, pipelines_run_today, pipelines_succeeded_today, pipelines_failed_today, pipelines_cancelled_today,
  max_concurrent_reached, pipelines_run_month, daily_limit
FROM tenant_usage_quotas WHERE tenant_id = @tenant AND usage_date BETWEEN @from AND @to`,
    parameters: {
      tenant: { type: 'STRING', value: tenantId },
      from: { type: 'DATE', value: from },
      to: { type: 'DATE', value: to },
    },
    defaultDataset: config.dataset,
    location: config.location,
    signal,
  });
  return rows.map((row) => ({
    usage_date: date(row, 'usage_date'),
    pipelines_run_today: count(row, 'pipelines_run_today'),
    pipelines_succeeded_today: count(row, 'pipelines_succeeded_today'),
    pipelines_failed_today: count(row, 'pipelines_failed_today'),
    pipelines_cancelled_today: count(row, 'pipelines_cancelled_today'),
    max_concurrent_reached: count(row, 'max_concurrent_reached'),
    pipelines_run_month: count(row, 'pipelines_run_month'),
    daily_limit: count(row, 'daily_limit'),
  }));
}
