import type { Row } from '@convergence/ports';
import { keyParts, tableKey } from '@convergence/slice';
import { tenantUsageQuotas } from '@convergence/tables';
import { type Tenant, tenantNamed, type UsageDay, usageEdited, withOneMore } from '@convergence/tenants';
import { count, date, loose, text, time } from './cells.ts';
import { find, ids, type TenantProjection } from './projection.ts';

const WARN_AT = 0.8;
const keysOf = (tenant: Tenant | undefined, ...more: readonly string[]): string[] => {
  if (!tenant) return [];
  // Asked for every end of a run.
  if (tenant.days.length === 1 && more.length === 0) return [tableKey(tenant.tenant_id, tenant.days[0]!.usage_date)];
  return [...new Set([...tenant.days.map((day) => day.usage_date), ...more])].map((day) => tableKey(tenant.tenant_id, day));
};

/**
 * Usage days. Memory holds the running day and the one before; older rows stay in the table as history. A day that memory let go
 * of is not touched any more. `since`: the first day that is looked at. Days are opened for everybody at once, so some days up to the
 * newest in the table hold the running day of each tenant, however long we were away.
 */
export const usage = (since: string): TenantProjection => ({
  table: tenantUsageQuotas,
  key: ['tenant_id', 'usage_date'],
  touches(event, state) {
    switch (event.type) {
      case 'tenant_onboarded':
        return [tableKey(event.tenant_id, event.usage_date)];
      case 'run_admitted': {
        if (!event.counted) return [];
        const newest = find(state, event.tenant_id)?.days[0]?.usage_date ?? event.usage_date;
        const own = tableKey(event.tenant_id, event.usage_date);
        return newest === event.usage_date ? [own] : [own, tableKey(event.tenant_id, newest)];
      }
      case 'run_ended':
      case 'run_orphaned':
        return state.admissions.get(event.run_id)?.counted ? keysOf(find(state, event.tenant_id)) : [];
      case 'days_opened':
        return event.tenant_ids.flatMap((id) => keysOf(find(state, id), event.usage_date));
      case 'usage_reset':
        return [tableKey(event.tenant_id, event.usage_date)];
      case 'subscription_changed':
        return keysOf(find(state, event.tenant_id)).slice(0, 1);
      default:
        return [];
    }
  },
  row(state, key) {
    const [tenantId = '', usage_date = ''] = keyParts(key);
    const tenant = find(state, tenantId);
    const day = tenant?.days.find((held) => held.usage_date === usage_date);
    if (!tenant || !day) return null;
    const { max_pipelines_per_day, max_pipelines_per_month, max_concurrent_pipelines } = tenant.subscription;
    const running = tenant.days[0] === day ? tenant.live.size : 0;
    return {
      usage_id: `${tenantId}_${usage_date.replaceAll('-', '')}`,
      ...ids(tenantId),
      usage_date,
      pipelines_run_today: day.run,
      pipelines_succeeded_today: day.succeeded,
      pipelines_failed_today: day.failed,
      pipelines_cancelled_today: day.cancelled,
      pipelines_run_month: day.month_run,
      concurrent_pipelines_running: running,
      max_concurrent_reached: day.peak,
      daily_limit: max_pipelines_per_day,
      monthly_limit: max_pipelines_per_month,
      concurrent_limit: max_concurrent_pipelines,
      remaining: Math.max(0, max_pipelines_per_day - day.run),
      quota_exceeded: day.run >= max_pipelines_per_day || day.month_run >= max_pipelines_per_month,
      quota_warning_sent: day.run >= WARN_AT * max_pipelines_per_day,
      last_updated: day.last_updated,
    };
  },
  loadWhere: `usage_date >= DATE '${since}'`,
  load(state, rows) {
    for (const row of rows) {
      const tenant = tenantNamed(state, text(row, 'tenant_id'));
      const day: UsageDay = {
        usage_date: date(row, 'usage_date'),
        run: count(row, 'pipelines_run_today'),
        succeeded: count(row, 'pipelines_succeeded_today'),
        failed: count(row, 'pipelines_failed_today'),
        cancelled: count(row, 'pipelines_cancelled_today'),
        peak: count(row, 'max_concurrent_reached'),
        month_run: count(row, 'pipelines_run_month'),
        touched_on: date(row, 'usage_date'),
        last_updated: time(row, 'last_updated'),
      };
      tenant.days = withOneMore(tenant.days, day).toSorted((a, b) => (a.usage_date < b.usage_date ? 1 : -1));
    }
  },
  adopt(state, row, was) {
    const tenant = find(state, row.tenant_id);
    const day = tenant?.days[0];
    if (!tenant || !day || !was || day.usage_date !== date(row, 'usage_date')) return [];
    return usageEdited(tenant, day, countsOf(row), countsOf(was));
  },
});
const countsOf = (row: Row) => ({ run: loose(row, 'pipelines_run_today'), month_run: loose(row, 'pipelines_run_month') });
