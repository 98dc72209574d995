/** How each event changes the state. Never refuses, asks no clock: `at` is when the event was decided. */
import { applyAdmitted } from './admission.ts';
import { applyAdopted, applyIssued, applyRevoked, applyRotated, applyUsed } from './api-keys.ts';
import { applyBilling } from './billing.ts';
import type { TenantEvent } from './events.ts';
import { applyEnded, applyHeartbeats, applyStarted } from './leases.ts';
import { applyCommand } from './named-commands.ts';
import { applyOnboarded, applyStep } from './onboarding.ts';
import { applyProfile } from './profile.ts';
import { applyHeld } from './providers.ts';
import type { TenantsState } from './state.ts';
import { applySubscription } from './subscription.ts';
import { applyDaysOpened, applyUsageReset } from './usage.ts';

export function apply(state: TenantsState, event: TenantEvent, { at }: { readonly at: string }): void {
  switch (event.type) {
    case 'tenant_onboarded':
      return applyOnboarded(state, event, at);
    case 'onboarding_repeated':
    case 'dataset_prepared':
    case 'dataset_dropped':
    case 'dryrun_noted':
    case 'api_key_delivered':
    case 'welcome_sent':
      return applyStep(state, event, at);
    case 'profile_changed':
    case 'status_changed':
    case 'tenant_purged':
      return applyProfile(state, event, at);
    case 'subscription_changed':
      return applySubscription(state, event, at);
    case 'api_key_issued':
      return applyIssued(state, event, at);
    case 'api_key_rotated':
      return applyRotated(state, event, at);
    case 'api_key_revoked':
      return applyRevoked(state, event, at);
    case 'api_key_adopted':
      return applyAdopted(state, event, at);
    case 'api_keys_used':
      return applyUsed(state, event);
    case 'credential_added':
    case 'credential_changed':
    case 'credential_removed':
    case 'provider_config_added':
    case 'provider_config_changed':
    case 'provider_config_removed':
      return applyHeld(state, event, at);
    case 'run_admitted':
      return applyAdmitted(state, event);
    case 'run_started':
      return applyStarted(state, event);
    case 'heartbeats_noted':
      return applyHeartbeats(state, event);
    case 'run_ended':
    case 'run_orphaned':
      return applyEnded(state, event);
    case 'days_opened':
      return applyDaysOpened(state, event, at);
    case 'usage_reset':
      return applyUsageReset(state, event, at);
    case 'billing_event_received':
    case 'billing_event_settled':
      return applyBilling(state, event, at);
    case 'command_named':
    case 'command_made':
      return applyCommand(state, event);
    default:
      event satisfies never;
  }
}
