import type { Operation } from '../operation.ts';
import { deadLettersList, deadLettersRedrive, journalList } from './admin.ts';
import { apiKeysCreate, apiKeysList, apiKeysRevoke, apiKeysRotate } from './api-keys.ts';
import { pipelinesBackfill } from './backfills.ts';
import { credentialsChange, credentialsCreate, credentialsList, credentialsRemove } from './credentials.ts';
import { providerConfigsChange, providerConfigsCreate, providerConfigsList, providerConfigsRemove } from './provider-configs.ts';
import { pipelinesRun, runsCancel, runsDq, runsEvents, runsGet, runsList, runsRetry, runsSteps, runsWhy, tenantRunsList } from './runs.ts';
import {
  schedulerCleanupOrphanedPipelines,
  schedulerProcessQueue,
  schedulerQueue,
  schedulerResetDailyQuotas,
  schedulerStatus,
  schedulerTrigger,
} from './scheduler.ts';
import {
  pipelineConfigsCreate,
  pipelineConfigsDisable,
  pipelineConfigsList,
  schedulesChange,
  schedulesCreate,
  schedulesDisable,
  schedulesList,
} from './schedules.ts';
import { subscriptionChange, subscriptionGet } from './subscriptions.ts';
import { templatesGet, templatesList } from './templates.ts';
import { tenantsCancel, tenantsChange, tenantsGet, tenantsList, tenantsOnboard, tenantsQuota, tenantsUsage } from './tenants.ts';
import { webhooksStripe } from './webhooks.ts';

/** The whole REST API. What is not here is not served. */
export const OPERATIONS: readonly Operation[] = [
  tenantsOnboard,
  tenantsList,
  tenantsGet,
  tenantsChange,
  tenantsCancel,
  tenantsQuota,
  tenantsUsage,
  subscriptionGet,
  subscriptionChange,
  apiKeysList,
  apiKeysCreate,
  apiKeysRevoke,
  apiKeysRotate,
  credentialsList,
  credentialsCreate,
  credentialsChange,
  credentialsRemove,
  providerConfigsList,
  providerConfigsCreate,
  providerConfigsChange,
  providerConfigsRemove,
  pipelinesRun,
  pipelinesBackfill,
  runsList,
  tenantRunsList,
  runsGet,
  runsSteps,
  runsDq,
  runsEvents,
  runsWhy,
  runsCancel,
  runsRetry,
  templatesList,
  templatesGet,
  schedulesList,
  schedulesCreate,
  schedulesChange,
  schedulesDisable,
  pipelineConfigsList,
  pipelineConfigsCreate,
  pipelineConfigsDisable,
  schedulerTrigger,
  schedulerProcessQueue,
  schedulerResetDailyQuotas,
  schedulerCleanupOrphanedPipelines,
  schedulerStatus,
  schedulerQueue,
  deadLettersList,
  deadLettersRedrive,
  journalList,
  webhooksStripe,
];
