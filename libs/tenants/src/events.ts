/** What happened to tenants: the journal's words, in the past tense. They are data for ever: fields are added, never changed. */
import type { DryrunStatus, Plan, RunSpec, TenantStatus } from '@convergence/contracts';
import type { AdmissionOutcome, ApiKey, Credential, ProviderConfig, Subscription } from './state.ts';

export type IssuedKey = Pick<ApiKey, 'api_key_id' | 'api_key_hash' | 'sealed' | 'key_name' | 'scopes' | 'expires_at'>;
export type NewCredential = Omit<Credential, 'created_at' | 'updated_at' | 'is_active'>;
export type NewProviderConfig = Omit<ProviderConfig, 'created_at' | 'updated_at' | 'is_active'>;
/** What tenant-changed tells of the tenant after the event. */
export interface Standing {
  readonly status: TenantStatus;
  readonly plan: Plan;
}
type Of<T extends string, F> = { readonly type: T; readonly tenant_id: string } & Readonly<F>;

type Changes<T extends string, F> = Of<T, F & { standing: Standing }>;

export type TenantEvent =
  | Of<
      'tenant_onboarded',
      {
        company_name: string;
        admin_email: string;
        plan_name: Plan;
        subscription_id: string;
        stripe_customer_id: string | null;
        stripe_subscription_id: string | null;
        stripe_updated_at: string | null;
        api_key: IssuedKey;
        request_hash: string;
        run_dryrun: boolean;
        usage_date: string;
      }
    >
  | Changes<'profile_changed', { company_name?: string; admin_email?: string }>
  | Changes<'status_changed', { status: TenantStatus }>
  | Of<'onboarding_repeated', { request_hash: string; run_dryrun: boolean }>
  | Of<'dataset_prepared', { tables: readonly string[] }>
  | Of<'dataset_dropped', object>
  | Of<'dryrun_noted', { status: DryrunStatus; run_id: string | null }>
  | Of<'welcome_sent', object>
  | Changes<'tenant_purged', object>
  | Changes<'subscription_changed', { subscription: Partial<Subscription> }>
  | Changes<'api_key_issued', { api_key: IssuedKey; undelivered: boolean }>
  | Changes<'api_key_rotated', { api_key_id: string; api_key: IssuedKey; old_expires_at: string }>
  | Of<'api_key_delivered', { api_key_id: string }>
  | Changes<'api_key_revoked', { api_key_id: string }>
  | Changes<'api_key_adopted', { api_key_id: string; is_active: boolean; expires_at: string | null }>
  | { readonly type: 'api_keys_used'; readonly used: readonly { readonly api_key_id: string; readonly at: string }[] }
  | Changes<'credential_added', { credential: NewCredential }>
  | Changes<'credential_changed', { credential_id: string; change: Partial<Omit<Credential, 'credential_id'>> }>
  | Changes<'credential_removed', { credential_id: string }>
  | Changes<'provider_config_added', { config: NewProviderConfig }>
  | Changes<'provider_config_changed', { config_id: string; change: Partial<Omit<ProviderConfig, 'config_id'>> }>
  | Changes<'provider_config_removed', { config_id: string }>
  | Of<'run_admitted', { run: RunSpec; admitted_at: string; usage_date: string; counted: boolean }>
  | Of<'run_started', { run_id: string; started_at: string }>
  | { readonly type: 'heartbeats_noted'; readonly at: string; readonly run_ids: readonly string[] }
  | Of<'run_ended', { run_id: string; ended_at: string; outcome: Exclude<AdmissionOutcome, 'orphaned'> }>
  /** No heartbeat for too long: the run is declared lost, so that its slot is free and everybody knows. */
  | Of<
      'run_orphaned',
      {
        run_id: string;
        pipeline_id: string;
        trigger_type: RunSpec['trigger_type'];
        scheduled_run_id: string | null;
        admitted_at: string;
        started_at: string | null;
        ended_at: string;
        last_heartbeat_at: string | null;
        refunded: boolean;
      }
    >
  | { readonly type: 'days_opened'; readonly usage_date: string; readonly tenant_ids: readonly string[] }
  | Of<'usage_reset', { usage_date: string; run: number; month_run: number }>
  /** A client named what it asks for by an Idempotency-Key. */
  | { readonly type: 'command_named'; readonly command: string; readonly request: string; readonly holder: string }
  /** What it came to. */
  | { readonly type: 'command_made'; readonly command: string; readonly made: string }
  | {
      readonly type: 'billing_event_received';
      readonly event_id: string;
      readonly event_type: string;
      readonly created: string;
      readonly payload: string;
    }
  | {
      readonly type: 'billing_event_settled';
      readonly event_id: string;
      readonly status: 'RECEIVED' | 'PROCESSED' | 'IGNORED' | 'FAILED';
      readonly error: string | null;
      readonly next_attempt_at: string | null;
    };
