/**
 * What a tenant brings of its own: credentials (sealed outside; opaque in here) and provider configurations.
 *
 * 1. The plan's provider limit counts distinct providers over active credentials and configurations. 2. A downgrade takes nothing
 * away: it only stops more from coming. 3. Removing a credential removes its secret. 4. Adding what is there already, by its id, changes nothing.
 */
import type { Provider } from '@convergence/contracts';
import { accept, type Decision, refuse, withTenant } from './decision.ts';
import type { NewCredential, NewProviderConfig, TenantEvent } from './events.ts';
import { cameTo } from './named-commands.ts';
import { type Credential, type ProviderConfig, type Tenant, type TenantsState, tenantNamed, withOneMore } from './state.ts';
import { standingOf } from './subscription.ts';

type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;
const MAX_OF_A_KIND = 200;

export const providersOf = (tenant: Tenant): ReadonlySet<Provider> =>
  new Set([...tenant.credentials, ...tenant.provider_configs].filter((held) => held.is_active).map((held) => held.provider));

function noRoomFor(tenant: Tenant, provider: Provider): Decision<never> | undefined {
  const held = providersOf(tenant);
  const limit = tenant.subscription.max_providers;
  if (held.has(provider) || held.size < limit) return undefined;
  const detail = `The plan ${tenant.subscription.plan_name} allows ${limit} providers; in use: ${[...held].sort().join(', ')}.`;
  return refuse('quota.providers_exceeded', detail, { limit, used: held.size });
}
const tooMany = (held: readonly unknown[], what: string): Decision<never> | undefined =>
  held.length < MAX_OF_A_KIND ? undefined : refuse('request.invalid', `A tenant may have ${MAX_OF_A_KIND} ${what}.`);

export interface AddCredential {
  readonly kind: 'add-credential';
  readonly tenant_id: string;
  readonly credential: NewCredential;
  /** What asks for it, where its client named it. */
  readonly command?: string | undefined;
}
export interface ChangeCredential {
  readonly kind: 'change-credential';
  readonly tenant_id: string;
  readonly credential_id: string;
  readonly change: Partial<Pick<Credential, 'credential_name' | 'project_id' | 'credential_hint' | 'sealed' | 'is_active'>>;
}
export interface RemoveCredential {
  readonly kind: 'remove-credential';
  readonly tenant_id: string;
  readonly credential_id: string;
}
export function decideCredential(state: TenantsState, command: AddCredential | ChangeCredential | RemoveCredential): Decision<null> {
  return withTenant<null>(state, command.tenant_id, (tenant) => {
    const { tenant_id } = command;
    const standing = standingOf(tenant);
    if (command.kind === 'add-credential') {
      const { credential } = command;
      if (tenant.credentials.some((held) => held.credential_id === credential.credential_id)) return accept(null);
      const no = tooMany(tenant.credentials, 'credentials') ?? noRoomFor(tenant, credential.provider);
      const noted = cameTo(state, command.command, credential.credential_id);
      return no ?? accept(null, { type: 'credential_added', tenant_id, credential, standing }, ...noted);
    }
    const { credential_id } = command;
    const held = tenant.credentials.find((c) => c.credential_id === credential_id);
    if (!held) return refuse('credential.not_found', `The tenant has no credential ${credential_id}.`);
    if (command.kind === 'remove-credential') return accept(null, { type: 'credential_removed', tenant_id, credential_id, standing });
    const no = command.change.is_active && !held.is_active ? noRoomFor(tenant, held.provider) : undefined;
    return no ?? accept(null, { type: 'credential_changed', tenant_id, credential_id, change: command.change, standing });
  });
}

export interface AddProviderConfig {
  readonly kind: 'add-provider-config';
  readonly tenant_id: string;
  readonly config: NewProviderConfig;
  /** What asks for it, where its client named it. */
  readonly command?: string | undefined;
}
export interface ChangeProviderConfig {
  readonly kind: 'change-provider-config';
  readonly tenant_id: string;
  readonly config_id: string;
  readonly change: Partial<Pick<ProviderConfig, 'source_project_id' | 'source_dataset' | 'notification_emails' | 'options' | 'is_active'>>;
}
export interface RemoveProviderConfig {
  readonly kind: 'remove-provider-config';
  readonly tenant_id: string;
  readonly config_id: string;
}
export function decideProviderConfig(
  state: TenantsState,
  command: AddProviderConfig | ChangeProviderConfig | RemoveProviderConfig,
): Decision<null> {
  return withTenant<null>(state, command.tenant_id, (tenant) => {
    const { tenant_id } = command;
    const standing = standingOf(tenant);
    if (command.kind === 'add-provider-config') {
      const { config } = command;
      if (tenant.provider_configs.some((held) => held.config_id === config.config_id)) return accept(null);
      const no = tooMany(tenant.provider_configs, 'provider configurations') ?? noRoomFor(tenant, config.provider);
      const noted = cameTo(state, command.command, config.config_id);
      return no ?? accept(null, { type: 'provider_config_added', tenant_id, config, standing }, ...noted);
    }
    const { config_id } = command;
    const held = tenant.provider_configs.find((c) => c.config_id === config_id);
    if (!held) return refuse('provider_config.not_found', `The tenant has no provider configuration ${config_id}.`);
    if (command.kind === 'remove-provider-config') return accept(null, { type: 'provider_config_removed', tenant_id, config_id, standing });
    const no = command.change.is_active && !held.is_active ? noRoomFor(tenant, held.provider) : undefined;
    return no ?? accept(null, { type: 'provider_config_changed', tenant_id, config_id, change: command.change, standing });
  });
}

type HeldEvent = Event<
  | 'credential_added'
  | 'credential_changed'
  | 'credential_removed'
  | 'provider_config_added'
  | 'provider_config_changed'
  | 'provider_config_removed'
>;
export function applyHeld(state: TenantsState, event: HeldEvent, at: string): void {
  const tenant = tenantNamed(state, event.tenant_id);
  const begin = { is_active: true, created_at: at, updated_at: at };
  switch (event.type) {
    case 'credential_added':
      tenant.credentials = withOneMore(tenant.credentials, { ...event.credential, ...begin });
      return;
    case 'credential_changed':
      for (const held of tenant.credentials) {
        if (held.credential_id === event.credential_id) Object.assign(held, event.change, { updated_at: at });
      }
      return;
    case 'credential_removed':
      tenant.credentials = tenant.credentials.filter((held) => held.credential_id !== event.credential_id);
      return;
    case 'provider_config_added':
      tenant.provider_configs = withOneMore(tenant.provider_configs, { ...event.config, ...begin });
      return;
    case 'provider_config_changed':
      for (const held of tenant.provider_configs) {
        if (held.config_id === event.config_id) Object.assign(held, event.change, { updated_at: at });
      }
      return;
    case 'provider_config_removed':
      tenant.provider_configs = tenant.provider_configs.filter((held) => held.config_id !== event.config_id);
      return;
    default:
      event satisfies never;
  }
}
