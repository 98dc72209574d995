import { tenantsQuota } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { quotaView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const tenantsQuotaRoute = ({ slice, clock }: Pick<Tenants, 'slice' | 'clock'>) =>
  operationRoute(tenantsQuota, ({ params }) => ({ body: quotaView(tenantOf(slice, params.tenant_id), clock.now()) }));
