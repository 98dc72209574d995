export { reserve } from './admission.ts';
export { addKey, findKey, MAX_WORKING_KEYS, ROTATE_AFTER_DAYS, works } from './api-keys.ts';
export { apply } from './apply.ts';
export { changesAfter, touch } from './change-feed.ts';
export { addDays, monthOf, nextDayStart, nextMonthStart, utcDate } from './days.ts';
export { decide, type ReplyOf, type TenantCommand } from './decide.ts';
export type { IssuedKey, Standing, TenantEvent } from './events.ts';
export { gatesOf } from './gates.ts';
export { isLive, type RunEnd, type SweepReply } from './leases.ts';
export type { NameReply } from './named-commands.ts';
export type { Onboard, OnboardReply } from './onboarding.ts';
export { apiKeyEdited, profileEdited, subscriptionEdited, usageEdited } from './outside-edits.ts';
export { providersOf } from './providers.ts';
export {
  ADMISSION_OUTCOMES,
  type Admission,
  type AdmissionOutcome,
  type ApiKey,
  type BillingEvent,
  type Credential,
  findAdmission,
  initialState,
  isNameless,
  type Limits,
  limitsOf,
  newTenant,
  type ProviderConfig,
  type Subscription,
  type Tenant,
  type TenantsState,
  tenantNamed,
  type UsageDay,
  unknownSubscription,
  withOneMore,
} from './state.ts';
export { HISTORY_DAYS, type ResetReply, usageAt } from './usage.ts';
