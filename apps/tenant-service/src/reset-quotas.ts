import type { ResetQuotasAnswer } from '@convergence/contracts';
import type { CommandMeta } from '@convergence/slice';
import { HISTORY_DAYS } from '@convergence/tenants';
import type { Tenants } from './tenants.ts';
import { execute, ITSELF } from './tenants-slice.ts';

/**
 * The nightly reset: opens the running day for everybody and lets days older than 90 go. Whoever asks, and however often: the
 * second time finds nothing to do.
 */
export async function resetQuotas(
  { slice, warehouse, config, clock, log }: Pick<Tenants, 'slice' | 'warehouse' | 'config' | 'clock' | 'log'>,
  meta: CommandMeta = { actor: ITSELF },
): Promise<ResetQuotasAnswer> {
  const { records_updated, usage_date } = await execute(slice, { kind: 'reset-quotas' }, meta);
  const { affectedRows } = await warehouse.run({
    sql: `DELETE FROM tenant_usage_quotas WHERE usage_date < DATE_SUB(@today, INTERVAL ${HISTORY_DAYS} DAY)`,
    parameters: { today: { type: 'DATE', value: usage_date } },
    defaultDataset: config.dataset,
    location: config.location,
  });
  const records_archived = affectedRows ?? 0;
  if (records_updated + records_archived > 0) log.info({ records_updated, records_archived, usage_date }, 'quotas reset');
  return {
    status: 'success' as const,
    records_updated,
    records_archived,
    message: `Reset ${records_updated} daily quotas, archived ${records_archived} old records`,
    executed_at: new Date(clock.now()).toISOString(),
  };
}
