import type { Warehouse } from '@convergence/ports';
import { addDays } from '@convergence/tenants';

/** Some days before the newest in the table: what a run that began lately may still count on. */
const BEFORE_NEWEST = 3;

export async function usageSince(warehouse: Pick<Warehouse, 'run'>, dataset: string, location: string): Promise<string> {
  const { rows } = await warehouse.run({
    sql: 'SELECT CAST(MAX(usage_date) AS STRING) AS newest FROM tenant_usage_quotas',
    defaultDataset: dataset,
    location,
  });
  const newest = rows[0]?.newest;
  return typeof newest === 'string' ? addDays(newest.slice(0, 10), -BEFORE_NEWEST) : '1970-01-01';
}
