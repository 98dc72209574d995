/**
 * Profiles and their states. 1. Suspending or cancelling stops admissions at once; what runs is left to end. 2. Purging also revokes
 * every key and removes every secret; the profile stays, so that the name is not taken by somebody else.
 */
import type { TenantStatus } from '@convergence/contracts';
import { touch } from './change-feed.ts';
import { accept, type Decision, withTenant } from './decision.ts';
import type { TenantEvent } from './events.ts';
import { type TenantsState, tenantNamed } from './state.ts';
import { standingOf } from './subscription.ts';

type Event<T extends TenantEvent['type']> = Extract<TenantEvent, { type: T }>;

export interface ChangeProfile {
  readonly kind: 'change-profile';
  readonly tenant_id: string;
  readonly company_name?: string;
  readonly admin_email?: string;
  readonly status?: TenantStatus;
}
export interface PurgeTenant {
  readonly kind: 'purge-tenant';
  readonly tenant_id: string;
}

export function decideProfile(state: TenantsState, command: ChangeProfile): Decision<null> {
  return withTenant(state, command.tenant_id, (tenant) => {
    const { tenant_id, company_name = tenant.company_name, admin_email = tenant.admin_email, status = tenant.status } = command;
    const standing = { ...standingOf(tenant), status };
    const events: TenantEvent[] = [];
    if (company_name !== tenant.company_name || admin_email !== tenant.admin_email) {
      events.push({ type: 'profile_changed', tenant_id, company_name, admin_email, standing });
    }
    if (status !== tenant.status) events.push({ type: 'status_changed', tenant_id, status, standing });
    return accept(null, ...events);
  });
}

export function decidePurge(state: TenantsState, { tenant_id }: PurgeTenant): Decision<null> {
  return withTenant(state, tenant_id, (tenant) =>
    accept(null, { type: 'tenant_purged', tenant_id, standing: { ...standingOf(tenant), status: 'CANCELLED' } }),
  );
}

export function applyProfile(state: TenantsState, event: Event<'profile_changed' | 'status_changed' | 'tenant_purged'>, at: string): void {
  const tenant = tenantNamed(state, event.tenant_id);
  tenant.updated_at = at;
  touch(state.feed, tenant.tenant_id);
  switch (event.type) {
    case 'profile_changed':
      tenant.company_name = event.company_name ?? tenant.company_name;
      tenant.admin_email = event.admin_email ?? tenant.admin_email;
      return;
    case 'status_changed':
      tenant.status = event.status;
      return;
    case 'tenant_purged':
      tenant.status = 'CANCELLED';
      for (const key of tenant.api_keys) {
        key.is_active = false;
        key.revoked_at ??= at;
      }
      tenant.credentials = [];
      tenant.provider_configs = [];
      tenant.onboarding = { ...tenant.onboarding, undelivered_api_key_id: null, dataset_created_at: null, tables_created: [] };
      return;
    default:
      event satisfies never;
  }
}
