import { type ErrorCode, Refusal } from '@convergence/contracts';
import type { TenantEvent } from './events.ts';
import type { Tenant, TenantsState } from './state.ts';

/** What a command comes to: events and an answer, or a no. Time and ids come in; nothing else is known. */
export interface Accepted<R> {
  readonly events: readonly TenantEvent[];
  readonly reply: R;
}
export type Decision<R = unknown> = Accepted<R> | { readonly refusal: Refusal };
export interface Context {
  /** Milliseconds since 1970. */
  readonly now: number;
}

export const accept = <R>(reply: R, ...events: readonly TenantEvent[]): Accepted<R> => ({ events, reply });
export const refuse = (code: ErrorCode, detail: string, fields?: Readonly<Record<string, unknown>>): { readonly refusal: Refusal } => ({
  refusal: new Refusal(code, detail, fields ? { fields } : {}),
});

export const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** The tenant, or the refusal that says it is not there. */
export function withTenant<R>(state: TenantsState, tenantId: string, decide: (tenant: Tenant) => Decision<R>): Decision<R> {
  const tenant = state.tenants.get(tenantId as Tenant['tenant_id']);
  return tenant ? decide(tenant) : refuse('tenant.not_found', `There is no tenant ${tenantId}.`);
}
