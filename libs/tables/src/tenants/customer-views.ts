import type { ViewSpec } from '@convergence/ports';

/**
 * The tables of tenants under their `customer_*` names, in a dataset of their own. For reading: edits by hand go to the tables.
 * `tenants` is the quoted dataset.
 */
const NAMES = {
  customers: 'tenant_profiles',
  customer_profiles: 'tenant_profiles',
  customer_api_keys: 'tenant_api_keys',
  customer_cloud_credentials: 'tenant_cloud_credentials',
  customer_subscriptions: 'tenant_subscriptions',
  customer_usage: 'tenant_usage_quotas',
  customer_provider_configs: 'tenant_provider_configs',
} as const;

export const tenantCustomerViews = (tenants: string): readonly ViewSpec[] =>
  Object.entries(NAMES).map(([name, table]) => ({
    name,
    description: `${table} under its customer name.`,
    sql: `SELECT * FROM ${tenants}.${table}`,
  }));
