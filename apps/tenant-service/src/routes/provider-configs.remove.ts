import { providerConfigsRemove, Refusal } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { providerConfigView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const providerConfigsRemoveRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(providerConfigsRemove, async (call) => {
    const { tenant_id, config_id } = call.params;
    const tenant = tenantOf(slice, tenant_id);
    const held = tenant.provider_configs.find((found) => found.config_id === config_id);
    if (!held) throw new Refusal('provider_config.not_found', `The tenant has no provider configuration ${config_id}.`);
    await execute(slice, { kind: 'remove-provider-config', tenant_id, config_id }, asked(call));
    return { body: { ...providerConfigView(tenant, held), is_active: false } };
  });
