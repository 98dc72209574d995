import type { TableProjection } from '@convergence/slice';
import type { Tenant, TenantCommand, TenantEvent, TenantsState } from '@convergence/tenants';

export type TenantProjection = TableProjection<TenantsState, TenantCommand, TenantEvent>;

export const ids = (tenantId: string) => ({ tenant_id: tenantId, customer_id: tenantId });
export const find = (state: TenantsState, tenantId: unknown): Tenant | undefined => state.tenants.get(tenantId as Tenant['tenant_id']);
