import { apiKeysList } from '@convergence/contracts';
import { pageOf } from '@convergence/service';
import type { Tenants } from '../tenants.ts';
import { apiKeyView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const apiKeysListRoute = ({ slice, clock }: Pick<Tenants, 'slice' | 'clock'>) =>
  operationRoute(apiKeysList, ({ params, query }) => {
    const tenant = tenantOf(slice, params.tenant_id);
    const { items, next_cursor } = pageOf(tenant.api_keys, (key) => `${key.created_at} ${key.api_key_id}`, query);
    return { body: { items: items.map((key) => apiKeyView(tenant, key, clock.now())), next_cursor } };
  });
