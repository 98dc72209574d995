import { providerConfigsList } from '@convergence/contracts';
import { pageOf } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { providerConfigView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const providerConfigsListRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(providerConfigsList, ({ params, query }) => {
    const tenant = tenantOf(slice, params.tenant_id);
    const { items, next_cursor } = pageOf(tenant.provider_configs, (held) => `${held.created_at} ${held.config_id}`, query);
    return { body: { items: items.map((held) => providerConfigView(tenant, held)), next_cursor } };
  });
