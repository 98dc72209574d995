import type { TableSpec } from '@convergence/ports';

export const tenantProfiles: TableSpec = {
  name: 'tenant_profiles',
  description:
    'Tenants: who they are and whether they may work. Owned by tenant-service; company_name, admin_email and status may be edited by hand.',
  clusterBy: ['tenant_id'],
  columns: [
    { name: 'tenant_id', type: 'STRING', required: true, description: 'The tenant.' },
    { name: 'customer_id', type: 'STRING', required: true, description: 'The tenant under its other name.' },
    { name: 'company_name', type: 'STRING', required: true, description: 'Name of the company.' },
    { name: 'admin_email', type: 'STRING', required: true, description: 'Whom to write to.' },
    { name: 'tenant_dataset_id', type: 'STRING', required: true, description: "The tenant's own dataset." },
    { name: 'status', type: 'STRING', required: true, description: 'ACTIVE, SUSPENDED or CANCELLED.' },
    {
      name: 'subscription_plan',
      type: 'STRING',
      required: true,
      description: 'STARTER, PROFESSIONAL or SCALE; changed in tenant_subscriptions.',
    },
    {
      name: 'dataset_created_at',
      type: 'TIMESTAMP',
      description: 'When its dataset with tables and views was ready; NULL while it is not.',
    },
    { name: 'tables_created', type: 'ARRAY<STRING>', description: 'Tables and views made in its dataset.' },
    {
      name: 'dryrun_status',
      type: 'STRING',
      required: true,
      description: 'SUCCESS, FAILED, PENDING or SKIPPED: how the dry run at onboarding ended.',
    },
    { name: 'dryrun_run_id', type: 'STRING', description: 'The run that was the dry run.' },
    {
      name: 'onboarding_request_hash',
      type: 'STRING',
      required: true,
      description: 'SHA-256 of what the last onboarding request asked for: a repeat resumes.',
    },
    { name: 'onboarding_run_dryrun', type: 'BOOL', required: true, description: 'Whether that request asked for the dry run.' },
    { name: 'undelivered_api_key_id', type: 'STRING', description: 'A key whose text may not have reached anybody yet.' },
    { name: 'welcome_sent_at', type: 'TIMESTAMP', description: 'When the welcome e-mail went out.' },
    { name: 'created_at', type: 'TIMESTAMP', required: true, description: 'When it was made.' },
    { name: 'updated_at', type: 'TIMESTAMP', required: true, description: 'When it changed last.' },
  ],
};
