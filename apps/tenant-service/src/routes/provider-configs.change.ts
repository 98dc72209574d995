import { providerConfigsChange, Refusal } from '@convergence/contracts';
import { sealedOptions } from '../provider-options.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { providerConfigView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const providerConfigsChangeRoute = ({ slice, keys }: Pick<Tenants, 'slice' | 'keys'>) =>
  operationRoute(providerConfigsChange, async (call) => {
    const { tenant_id, config_id } = call.params;
    const of = () => tenantOf(slice, tenant_id).provider_configs.find((found) => found.config_id === config_id);
    const { options: given, ...rest } = call.body;
    const options = given && (await sealedOptions(keys, { tenantId: tenant_id, configId: config_id }, given, of()?.options));
    await execute(
      slice,
      { kind: 'change-provider-config', tenant_id, config_id, change: { ...rest, ...(options && { options }) } },
      asked(call),
    );
    const tenant = tenantOf(slice, tenant_id);
    const held = of();
    if (!held) throw new Refusal('provider_config.not_found', 'The provider configuration was removed meanwhile.');
    return { body: providerConfigView(tenant, held) };
  });
