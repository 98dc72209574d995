import { type Operation, type Principal, Refusal, type TenantId } from '@convergence/contracts';
import { type Call, type Handler, type Route, route } from '@convergence/service';
import type { Tenant } from '@convergence/tenants';
import type { TenantsSlice } from '../tenants-slice.ts';

/**
 * A public operation as its owner answers it. The gateway has checked all of this; it is checked here again, because an answer about
 * another tenant would be the worst that can happen.
 */
export function operationRoute<const O extends Operation>(operation: O, handle: Handler<O>): Route {
  return route(operation, ((call: Call<O>) => {
    mayAsk(operation, call.principal, (call.params as { tenant_id?: string }).tenant_id);
    return handle(call);
  }) as Handler<O>);
}

function mayAsk(operation: Operation, principal: Principal, tenantId: string | undefined): void {
  if (operation.auth === 'onboarding' || operation.auth === 'signature' || operation.auth === 'open') return;
  if (principal.kind === 'admin') return;
  if (operation.auth === 'admin' || principal.kind !== 'tenant') throw new Refusal('auth.invalid_admin_key', 'Invalid admin API key');
  if (principal.tenantId !== tenantId) throw new Refusal('auth.other_tenant', 'The key belongs to another tenant.');
  if (operation.scope && !principal.scopes.includes(operation.scope)) {
    throw new Refusal('auth.scope_missing', `The key lacks the scope ${operation.scope}.`);
  }
}

export function tenantOf({ state }: TenantsSlice, tenantId: string): Tenant {
  const tenant = state.tenants.get(tenantId as TenantId);
  if (!tenant) throw new Refusal('tenant.not_found', `There is no tenant ${tenantId}.`);
  return tenant;
}
