/**
 * What tenant-service remembers: every tenant with its plan, keys, credentials, usage and live runs.
 *
 * Does not know: tables, HTTP, the clock. Fields that people can see have the names of their columns.
 * 1. A key's text is nowhere in here: its SHA-256, and a sealed copy as an opaque text. 2. `live` holds the reservations that count
 * against limits and nothing else does: its size IS the number of running pipelines. 3. Only apply.ts and load change a state.
 */
import {
  type CredentialType,
  type Domain,
  type DryrunStatus,
  PLANS,
  type Plan,
  type Provider,
  type RunSpec,
  type Scope,
  type SubscriptionStatus,
  type TenantId,
  type TenantStatus,
} from '@convergence/contracts';
import { type ChangeFeed, emptyFeed, touch } from './change-feed.ts';
import { NamedCommands } from './command-names.ts';
import { EndedRuns } from './ended-runs.ts';

export interface ApiKey {
  readonly api_key_id: string;
  readonly api_key_hash: string;
  readonly sealed: string;
  readonly key_name: string | null;
  readonly scopes: readonly Scope[];
  readonly created_at: string;
  is_active: boolean;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
  rotated_to: string | null;
}

export interface Credential {
  readonly credential_id: string;
  readonly provider: Provider;
  readonly credential_type: CredentialType;
  readonly created_at: string;
  credential_name: string;
  project_id: string | null;
  credential_hint: string;
  sealed: string;
  is_active: boolean;
  updated_at: string;
}

export interface ProviderConfig {
  readonly config_id: string;
  readonly provider: Provider;
  readonly domain: Domain;
  readonly created_at: string;
  source_project_id: string | null;
  source_dataset: string | null;
  notification_emails: readonly string[];
  options: Readonly<Record<string, unknown>>;
  is_active: boolean;
  updated_at: string;
}

export interface Limits {
  readonly max_team_members: number;
  readonly max_providers: number;
  readonly max_pipelines_per_day: number;
  readonly max_pipelines_per_month: number;
  readonly max_concurrent_pipelines: number;
}
export const limitsOf = (plan: Plan): Limits => ({
  max_team_members: PLANS[plan].members,
  max_providers: PLANS[plan].providers,
  max_pipelines_per_day: PLANS[plan].daily,
  max_pipelines_per_month: PLANS[plan].monthly,
  max_concurrent_pipelines: PLANS[plan].concurrent,
});
export interface Subscription extends Limits {
  readonly subscription_id: string;
  readonly plan_name: Plan;
  readonly status: SubscriptionStatus;
  readonly subscription_start_date: string;
  readonly subscription_end_date: string | null;
  readonly stripe_customer_id: string | null;
  readonly stripe_subscription_id: string | null;
  /** Stripe's own time of the last event that was taken over: what is older came late. */
  readonly stripe_updated_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface UsageDay {
  readonly usage_date: string;
  /** Reserved and settled; a refund takes its one back. */
  run: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  peak: number;
  /** Runs of the month up to and including this day. */
  month_run: number;
  /** The day on which it last changed. */
  touched_on: string;
  last_updated: string;
}

export const ADMISSION_OUTCOMES = ['succeeded', 'failed', 'cancelled', 'refunded', 'orphaned'] as const;
export type AdmissionOutcome = (typeof ADMISSION_OUTCOMES)[number];

export interface Admission {
  readonly run: RunSpec;
  readonly admitted_at: string;
  /** The UTC day that it counts against. */
  readonly usage_date: string;
  /** False for the house's own dry run at onboarding: it uses up nothing of the plan. */
  readonly counted: boolean;
  started_at: string | null;
  heartbeat_at: string | null;
  ended_at: string | null;
  outcome: AdmissionOutcome | null;
}

export interface Onboarding {
  /** What the caller asked for, as a hash: a repeat of the same request resumes. */
  request_hash: string;
  /** The key whose text may never have reached anybody. */
  undelivered_api_key_id: string | null;
  run_dryrun: boolean;
  dataset_created_at: string | null;
  tables_created: readonly string[];
  dryrun_run_id: string | null;
  dryrun_status: DryrunStatus;
  welcome_sent_at: string | null;
}

export interface Tenant {
  readonly tenant_id: TenantId;
  readonly created_at: string;
  company_name: string;
  admin_email: string;
  status: TenantStatus;
  updated_at: string;
  onboarding: Onboarding;
  subscription: Subscription;
  api_keys: readonly ApiKey[];
  credentials: readonly Credential[];
  provider_configs: readonly ProviderConfig[];
  /** Newest first; the first is the running day. Older ones only while something may still change them. */
  days: readonly UsageDay[];
  live: ReadonlyMap<string, Admission>;
}

const NONE: readonly never[] = Object.freeze([]);
const NOTHING_LIVE: Tenant['live'] = new Map();
/** One that holds nothing yet. Of fifty thousand most run nothing and have no credential and no config: they share what is empty. */
export const newTenant = (known: Omit<Tenant, 'api_keys' | 'credentials' | 'provider_configs' | 'days' | 'live'>): Tenant => ({
  // Name by name: what is spread into an object lies apart from it, in more room.
  tenant_id: known.tenant_id,
  created_at: known.created_at,
  company_name: known.company_name,
  admin_email: known.admin_email,
  status: known.status,
  updated_at: known.updated_at,
  onboarding: known.onboarding,
  subscription: known.subscription,
  api_keys: NONE,
  credentials: NONE,
  provider_configs: NONE,
  days: NONE,
  live: NOTHING_LIVE,
});
/** Most hold one key and one day. A list that grows has room for sixteen more; one that is written down has not. */
export const withOneMore = <T>(list: readonly T[], item: T): readonly T[] => (list.length === 0 ? [item] : [...list, item]);

export function addLive(tenant: Tenant, admission: Admission): void {
  if (tenant.live === NOTHING_LIVE) tenant.live = new Map();
  (tenant.live as Map<string, Admission>).set(admission.run.run_id, admission);
}
export function removeLive(tenant: Tenant, runId: string): void {
  if (!tenant.live.has(runId)) return;
  if (tenant.live.size === 1) tenant.live = NOTHING_LIVE;
  else (tenant.live as Map<string, Admission>).delete(runId);
}

export interface BillingEvent {
  readonly event_id: string;
  readonly type: string;
  readonly created: string;
  readonly received_at: string;
  /** What processing needs of it, JSON. */
  readonly payload: string;
  status: 'RECEIVED' | 'PROCESSED' | 'IGNORED' | 'FAILED';
  attempts: number;
  next_attempt_at: string | null;
  last_error: string | null;
}

export interface TenantsState {
  readonly tenants: Map<TenantId, Tenant>;
  readonly keysByHash: Map<string, { readonly tenant: Tenant; readonly key: ApiKey }>;
  readonly keysById: Map<string, { readonly tenant: Tenant; readonly key: ApiKey }>;
  /** Live ones. */
  readonly admissions: Map<string, Admission>;
  /** tenant, pipeline and parameters -> the live run. */
  readonly locks: Map<string, string>;
  /** Those that ended a short while ago, or are in no table yet. */
  readonly ended: EndedRuns<Admission>;
  readonly billing: Map<string, BillingEvent>;
  readonly commands: NamedCommands;
  /** For those who follow tenants: not remembered over a restart. */
  readonly feed: ChangeFeed;
}

export const initialState = (): TenantsState => ({
  tenants: new Map(),
  keysByHash: new Map(),
  keysById: new Map(),
  admissions: new Map(),
  locks: new Map(),
  ended: new EndedRuns(),
  billing: new Map(),
  commands: new NamedCommands(),
  feed: emptyFeed(),
});

/** What makes two runs the same: the template, not the name it was asked by (its pipeline_id keeps an alias), and the parameters. */
export const lockOf = (run: Pick<RunSpec, 'tenant_id' | 'provider' | 'domain' | 'template' | 'parameters_hash'>): string =>
  `${run.tenant_id} ${run.provider}/${run.domain}/${run.template} ${run.parameters_hash}`;

export const findAdmission = (state: TenantsState, runId: string): Admission | undefined =>
  state.admissions.get(runId) ?? state.ended.get(runId);

const UNKNOWN = '1970-01-01T00:00:00.000Z';
/** Stands in until its row comes. */
export const unknownSubscription = (created_at: string): Subscription => ({
  subscription_id: '',
  plan_name: 'STARTER',
  status: 'SUSPENDED',
  ...limitsOf('STARTER'),
  subscription_start_date: created_at.slice(0, 10),
  subscription_end_date: null,
  stripe_customer_id: null,
  stripe_subscription_id: null,
  stripe_updated_at: null,
  created_at,
  updated_at: created_at,
});

/**
 * The tenant that an event or a row names. One whose profile somebody deleted by hand comes back suspended and without a name: what it has
 * and did is still there, and all others can start.
 */
export function tenantNamed(state: TenantsState, tenantId: string): Tenant {
  const known = state.tenants.get(tenantId as TenantId);
  if (known) return known;
  const tenant = newTenant({
    tenant_id: tenantId as TenantId,
    created_at: UNKNOWN,
    company_name: tenantId,
    admin_email: '',
    status: 'SUSPENDED',
    updated_at: UNKNOWN,
    onboarding: {
      request_hash: '',
      undelivered_api_key_id: null,
      run_dryrun: false,
      dataset_created_at: null,
      tables_created: [],
      dryrun_run_id: null,
      dryrun_status: 'SKIPPED',
      welcome_sent_at: UNKNOWN,
    },
    subscription: unknownSubscription(UNKNOWN),
  });
  state.tenants.set(tenant.tenant_id, tenant);
  touch(state.feed, tenant.tenant_id);
  return tenant;
}
/** Nobody was told yet who it is. */
export const isNameless = (tenant: Tenant): boolean => tenant.admin_email === '';

/** Puts a key where it is found by its hash and its id. */
export function indexKey(state: TenantsState, tenant: Tenant, key: ApiKey): void {
  const found = { tenant, key };
  state.keysByHash.set(key.api_key_hash, found);
  state.keysById.set(key.api_key_id, found);
}
