import { subscriptionGet } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { subscriptionView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const subscriptionGetRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(subscriptionGet, ({ params }) => ({ body: subscriptionView(tenantOf(slice, params.tenant_id)) }));
