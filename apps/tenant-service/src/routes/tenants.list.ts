import { tenantsList } from '@convergence/contracts';
import { pageOf } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { profileView } from '../views.ts';
import { operationRoute } from './operation-route.ts';

export const tenantsListRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(tenantsList, ({ query }) => {
    const all = [...slice.state.tenants.values()].filter((tenant) => !query.status || tenant.status === query.status);
    const { items, next_cursor } = pageOf(all, (tenant) => tenant.tenant_id, query);
    return { body: { items: items.map(profileView), next_cursor } };
  });
