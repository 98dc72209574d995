import { tenantsGet } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { profileView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const tenantsGetRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(tenantsGet, ({ params }) => ({ body: profileView(tenantOf(slice, params.tenant_id)) }));
