import { subscriptionChange } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { subscriptionView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const subscriptionChangeRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(subscriptionChange, async (call) => {
    const { tenant_id } = call.params;
    await execute(slice, { kind: 'change-subscription', tenant_id, ...call.body }, asked(call));
    return { body: subscriptionView(tenantOf(slice, tenant_id)) };
  });
