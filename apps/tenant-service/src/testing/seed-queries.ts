/**
 * The SQL of the product's first guides on keys, quotas, subscriptions and status, unchanged but for project and dataset. Each says
 * which guide it is of and what it must show of the tenant `acme_corp`.
 */
export interface SeedQuery {
  readonly says: string;
  readonly sql: string;
}
const TENANTS = '`convergence-local.tenants';
const CUSTOMERS = '`convergence-local.customers_metadata';

export const SEED_QUERIES: readonly SeedQuery[] = [
  { says: 'guide 2, check API key', sql: `SELECT tenant_id, is_active FROM ${TENANTS}.tenant_api_keys\` WHERE tenant_id='acme_corp'` },
  {
    says: 'guide 2, check usage',
    sql: `SELECT pipelines_run_today, daily_limit FROM ${TENANTS}.tenant_usage_quotas\` WHERE tenant_id='acme_corp' AND usage_date=CURRENT_DATE()`,
  },
  {
    says: 'guide 2, query directly',
    sql: `SELECT tenant_id, pipelines_run_today, daily_limit,
       (daily_limit - pipelines_run_today) as remaining
FROM ${TENANTS}.tenant_usage_quotas\`
WHERE tenant_id = 'acme_corp' AND usage_date = CURRENT_DATE()`,
  },
  {
    says: 'flows, status',
    sql: `SELECT status FROM ${TENANTS}.tenant_profiles\`
    WHERE tenant_id = 'acme_corp'`,
  },
  {
    says: 'flows, quota',
    sql: `SELECT pipelines_run_today, daily_limit, remaining
    FROM ${TENANTS}.tenant_usage_quotas\`
    WHERE tenant_id = 'acme_corp'
      AND usage_date = CURRENT_DATE()`,
  },
  {
    says: 'flows, subscription',
    sql: `SELECT status FROM ${TENANTS}.tenant_subscriptions\`
  WHERE tenant_id = 'acme_corp'`,
  },
  {
    says: 'guide 4, customer created',
    sql: `SELECT customer_id, company_name, subscription_plan, status
   FROM ${CUSTOMERS}.customer_profiles\`
   WHERE customer_id = 'acme_corp'`,
  },
  {
    says: 'guide 4, credentials encrypted',
    sql: `SELECT credential_id, provider, credential_name
   FROM ${CUSTOMERS}.customer_cloud_credentials\`
   WHERE customer_id = (
     SELECT customer_id FROM ${CUSTOMERS}.customer_profiles\`
     WHERE tenant_dataset_id = 'acme_corp'
   )`,
  },
  {
    says: 'guide 4, usage tracking',
    sql: `SELECT
  usage_date,
  pipelines_run_today,
  pipelines_run_month,
  concurrent_pipelines_running,
  daily_limit,
  monthly_limit,
  concurrent_limit
FROM ${CUSTOMERS}.customer_usage\`
WHERE customer_id = (
  SELECT customer_id FROM ${CUSTOMERS}.customer_profiles\`
  WHERE tenant_dataset_id = 'acme_corp'
)
ORDER BY usage_date DESC
LIMIT 1`,
  },
  {
    says: 'guide 4, check status',
    sql: `SELECT status, created_at
FROM ${CUSTOMERS}.customer_profiles\`
WHERE tenant_dataset_id = 'acme_corp'`,
  },
  {
    says: 'guide 4, API key is active',
    sql: `SELECT api_key_id, is_active, expires_at
FROM ${CUSTOMERS}.customer_api_keys\`
WHERE customer_id = 'acme_corp'`,
  },
];

/** Edits of the guides. A view can not be updated, so they name the table behind it; the columns are theirs. */
export const SEED_EDITS = {
  lowQuota: `UPDATE ${TENANTS}.tenant_subscriptions\`
   SET max_pipelines_per_day = 1
   WHERE customer_id = (
     SELECT customer_id FROM ${TENANTS}.tenant_profiles\`
     WHERE tenant_dataset_id = 'acme_corp'
   )`,
  suspend: `UPDATE ${TENANTS}.tenant_profiles\`
SET status = 'SUSPENDED', updated_at = CURRENT_TIMESTAMP()
WHERE tenant_dataset_id = 'acme_corp'`,
  reactivate: `UPDATE ${TENANTS}.tenant_profiles\`
SET status = 'ACTIVE', updated_at = CURRENT_TIMESTAMP()
WHERE tenant_dataset_id = 'acme_corp'`,
  resetMonth: `UPDATE ${TENANTS}.tenant_usage_quotas\`
SET pipelines_run_month = 0
WHERE customer_id = 'acme_corp'
  AND usage_date = CURRENT_DATE()`,
} as const;
