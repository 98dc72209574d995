import type { TableSpec } from '@convergence/ports';
import { runAdmissions } from './run-admissions.ts';
import { tenantApiKeys } from './tenant-api-keys.ts';
import { tenantBillingEvents } from './tenant-billing-events.ts';
import { tenantCloudCredentials } from './tenant-cloud-credentials.ts';
import { tenantCommands } from './tenant-commands.ts';
import { tenantProfiles } from './tenant-profiles.ts';
import { tenantProviderConfigs } from './tenant-provider-configs.ts';
import { tenantSubscriptions } from './tenant-subscriptions.ts';
import { tenantUsageQuotas } from './tenant-usage-quotas.ts';

/** Every table that tenant-service checkpoints into. */
export const TENANT_TABLES: readonly TableSpec[] = [
  tenantProfiles,
  tenantSubscriptions,
  tenantApiKeys,
  tenantCloudCredentials,
  tenantProviderConfigs,
  tenantUsageQuotas,
  runAdmissions,
  tenantBillingEvents,
  tenantCommands,
];
