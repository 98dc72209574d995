/** The slice of tenants: what libs/tenants decides, what it tells the world, and the tables that show it. */
import type { SliceDefinition } from '@convergence/slice';
import { apply, decide, initialState, type TenantCommand, type TenantEvent, type TenantsState } from '@convergence/tenants';
import { outbox } from './outbox.ts';
import { admissions } from './tables/admissions.ts';
import { apiKeys } from './tables/api-keys.ts';
import { billingEvents } from './tables/billing-events.ts';
import { commands } from './tables/commands.ts';
import { credentials } from './tables/credentials.ts';
import { profiles } from './tables/profiles.ts';
import { providerConfigs } from './tables/provider-configs.ts';
import { subscriptions } from './tables/subscriptions.ts';
import { usage } from './tables/usage.ts';

/** `usageSince`: the oldest usage day that may still matter; see tables/usage.ts. */
export const tenantsDefinition = (usageSince: string): SliceDefinition<TenantsState, TenantCommand, TenantEvent> => ({
  name: 'tenants',
  initial: initialState,
  decide,
  apply,
  subject(event) {
    if ('tenant_id' in event) return event.tenant_id;
    return event.type === 'billing_event_received' || event.type === 'billing_event_settled' ? event.event_id : '*';
  },
  outbox,
  tables: [profiles, subscriptions, apiKeys, credentials, providerConfigs, usage(usageSince), admissions, billingEvents, commands],
});
