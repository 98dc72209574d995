import { providerConfigsChange, Refusal } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { providerConfigView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const providerConfigsChangeRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(providerConfigsChange, async (call) => {
    const { tenant_id, config_id } = call.params;
    await execute(slice, { kind: 'change-provider-config', tenant_id, config_id, change: call.body }, asked(call));
    const tenant = tenantOf(slice, tenant_id);
    const held = tenant.provider_configs.find((found) => found.config_id === config_id);
    if (!held) throw new Refusal('provider_config.not_found', 'The provider configuration was removed meanwhile.');
    return { body: providerConfigView(tenant, held) };
  });
