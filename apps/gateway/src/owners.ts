import type { ServiceName, TenantId } from '@convergence/contracts';
import type { InternalClient } from '@convergence/service';

/** Services that own state; the gateway owns none. */
export type OwnerName = Exclude<ServiceName, 'gateway'>;

/**
 * Who answers for a tenant. The one place that knows how tenants are spread over cells: there is one cell today, and nothing
 * else in the gateway may assume so. Without a tenant (lists, ticks) the question goes to every cell; with one cell, to it.
 */
export interface Owners {
  of(service: OwnerName, tenant: TenantId | undefined): InternalClient;
}

export const oneCell = (clients: Readonly<Record<OwnerName, InternalClient>>): Owners => ({ of: (service) => clients[service] });
