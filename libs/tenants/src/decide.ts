/** Every command of the slice and who decides it. Pure: the same command on the same state at the same time decides the same. */
import type { AdmissionDecision } from '@convergence/contracts';
import { type Admit, decideAdmission } from './admission.ts';
import {
  decideIssue,
  decideRevocation,
  decideRotation,
  decideUse,
  type IssueKey,
  type NoteKeysUsed,
  type RevokeKey,
  type RotateKey,
} from './api-keys.ts';
import { decideBilling, type ReceiveBillingEvent, type SettleBillingEvent } from './billing.ts';
import type { Context, Decision } from './decision.ts';
import { decideEnd, decideHeartbeats, decideStart, decideSweep, type RunEnd, type SweepReply } from './leases.ts';
import { decideMade, decideNaming, type NameCommand, type NameReply, type NoteMade } from './named-commands.ts';
import { decideOnboarding, decideStep, type NoteStep, type Onboard, type OnboardReply } from './onboarding.ts';
import { type AdoptApiKey, type AdoptUsage, decideAdoptedKey, decideAdoptedUsage } from './outside-edits.ts';
import { type ChangeProfile, decideProfile, decidePurge, type PurgeTenant } from './profile.ts';
import {
  type AddCredential,
  type AddProviderConfig,
  type ChangeCredential,
  type ChangeProviderConfig,
  decideCredential,
  decideProviderConfig,
  type RemoveCredential,
  type RemoveProviderConfig,
} from './providers.ts';
import type { TenantsState } from './state.ts';
import { type ChangeSubscription, decideSubscription } from './subscription.ts';
import { decideReset, type ResetReply } from './usage.ts';

export type TenantCommand =
  | Onboard
  | NoteStep
  | ChangeProfile
  | PurgeTenant
  | ChangeSubscription
  | IssueKey
  | RotateKey
  | RevokeKey
  | NoteKeysUsed
  | AddCredential
  | ChangeCredential
  | RemoveCredential
  | AddProviderConfig
  | ChangeProviderConfig
  | RemoveProviderConfig
  | Admit
  | { readonly kind: 'start-run'; readonly run_id: string; readonly started_at: string }
  | { readonly kind: 'note-heartbeats'; readonly run_ids: readonly string[]; readonly at: string }
  | ({ readonly kind: 'end-run' } & RunEnd)
  | { readonly kind: 'sweep-orphans'; readonly older_than_minutes: number }
  | { readonly kind: 'reset-quotas' }
  | ReceiveBillingEvent
  | SettleBillingEvent
  | NameCommand
  | NoteMade
  | AdoptApiKey
  | AdoptUsage;

/** What a command answers, by its kind; null where there is nothing to say. */
export interface Replies {
  readonly onboard: OnboardReply;
  readonly admit: AdmissionDecision;
  readonly 'end-run': { readonly settled: boolean };
  readonly 'sweep-orphans': SweepReply;
  readonly 'reset-quotas': ResetReply;
  readonly 'receive-billing-event': { readonly duplicate: boolean };
  readonly 'settle-billing-event': { readonly duplicate: boolean };
  readonly 'name-command': NameReply;
}
export type ReplyOf<C extends TenantCommand> = C['kind'] extends keyof Replies ? Replies[C['kind']] : null;

export function decide(state: TenantsState, command: TenantCommand, context: Context): Decision {
  switch (command.kind) {
    case 'onboard':
      return decideOnboarding(state, command, context);
    case 'note-dataset-prepared':
    case 'note-dataset-dropped':
    case 'note-dryrun':
    case 'note-key-delivered':
    case 'note-welcome-sent':
      return decideStep(state, command);
    case 'change-profile':
      return decideProfile(state, command);
    case 'purge-tenant':
      return decidePurge(state, command);
    case 'change-subscription':
      return decideSubscription(state, command, context);
    case 'issue-api-key':
      return decideIssue(state, command, context);
    case 'rotate-api-key':
      return decideRotation(state, command, context);
    case 'revoke-api-key':
      return decideRevocation(state, command);
    case 'note-keys-used':
      return decideUse(state, command, context);
    case 'add-credential':
    case 'change-credential':
    case 'remove-credential':
      return decideCredential(state, command);
    case 'add-provider-config':
    case 'change-provider-config':
    case 'remove-provider-config':
      return decideProviderConfig(state, command);
    case 'admit':
      return decideAdmission(state, command, context);
    case 'start-run':
      return decideStart(state, command.run_id, command.started_at, context);
    case 'note-heartbeats':
      return decideHeartbeats(state, command.run_ids, command.at, context);
    case 'end-run':
      return decideEnd(state, command, context);
    case 'sweep-orphans':
      return decideSweep(state, command.older_than_minutes, context);
    case 'reset-quotas':
      return decideReset(state, context);
    case 'receive-billing-event':
    case 'settle-billing-event':
      return decideBilling(state, command);
    case 'name-command':
      return decideNaming(state, command, context);
    case 'note-made':
      return decideMade(state, command);
    case 'adopt-api-key':
      return decideAdoptedKey(state, command);
    case 'adopt-usage':
      return decideAdoptedUsage(state, command);
    default:
      return command satisfies never;
  }
}
