import { credentialsList } from '@convergence/contracts';
import { pageOf } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { credentialView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const credentialsListRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(credentialsList, ({ params, query }) => {
    const tenant = tenantOf(slice, params.tenant_id);
    const { items, next_cursor } = pageOf(tenant.credentials, (held) => `${held.created_at} ${held.credential_id}`, query);
    return { body: { items: items.map((held) => credentialView(tenant, held)), next_cursor } };
  });
