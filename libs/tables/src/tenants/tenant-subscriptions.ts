import type { TableSpec } from '@convergence/ports';

export const tenantSubscriptions: TableSpec = {
  name: 'tenant_subscriptions',
  description: 'Plans and limits. Owned by tenant-service; plan, status and limits may be edited by hand and count at once.',
  clusterBy: ['tenant_id'],
  columns: [
    { name: 'subscription_id', type: 'STRING', required: true, description: 'The subscription.' },
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'plan_name', type: 'STRING', required: true, description: 'STARTER, PROFESSIONAL or SCALE.' },
    {
      name: 'status',
      type: 'STRING',
      required: true,
      description: 'ACTIVE, PAST_DUE, SUSPENDED or CANCELLED; only ACTIVE may run pipelines.',
    },
    { name: 'max_team_members', type: 'INT64', required: true, description: 'People of the tenant.' },
    { name: 'max_providers', type: 'INT64', required: true, description: 'Distinct providers over credentials and configurations.' },
    { name: 'max_pipelines_per_day', type: 'INT64', required: true, description: 'Runs per UTC day.' },
    { name: 'max_pipelines_per_month', type: 'INT64', required: true, description: 'Runs per calendar month, UTC.' },
    { name: 'max_concurrent_pipelines', type: 'INT64', required: true, description: 'Runs at the same time.' },
    {
      name: 'daily_limit',
      type: 'INT64',
      required: true,
      description: 'max_pipelines_per_day under its other name; edits by hand go to that one.',
    },
    { name: 'subscription_start_date', type: 'DATE', required: true, description: 'When it began.' },
    { name: 'subscription_end_date', type: 'DATE', description: 'When it was cancelled.' },
    { name: 'stripe_customer_id', type: 'STRING', description: "Stripe's customer." },
    { name: 'stripe_subscription_id', type: 'STRING', description: "Stripe's subscription." },
    { name: 'stripe_updated_at', type: 'TIMESTAMP', description: "Stripe's time of the newest event that was taken over." },
    { name: 'created_at', type: 'TIMESTAMP', required: true, description: 'When it was made.' },
    { name: 'updated_at', type: 'TIMESTAMP', required: true, description: 'When it changed last.' },
  ],
};
