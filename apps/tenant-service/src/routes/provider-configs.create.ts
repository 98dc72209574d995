import { providerConfigsCreate, Refusal } from '@convergence/contracts';
import { commandOf, idOfMade } from '@convergence/service';
import { sealedOptions } from '../provider-options.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { providerConfigView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const providerConfigsCreateRoute = ({ slice, keys }: Pick<Tenants, 'slice' | 'keys'>) =>
  operationRoute(providerConfigsCreate, async (call) => {
    const { tenant_id } = call.params;
    const { provider, domain, source_project_id = null, source_dataset = null, notification_emails = [] } = call.body;
    const command = commandOf(call.request);
    const config_id = idOfMade('provider-config', command);
    if (!command?.made) {
      const options = await sealedOptions(keys, { tenantId: tenant_id, configId: config_id }, call.body.options ?? {});
      const config = { config_id, provider, domain, source_project_id, source_dataset, notification_emails, options };
      await execute(slice, { kind: 'add-provider-config', tenant_id, config, command: command?.id }, asked(call));
    }
    const held = tenantOf(slice, tenant_id).provider_configs.find((found) => found.config_id === config_id);
    if (!held) throw new Refusal('provider_config.not_found', 'The provider configuration was removed again.');
    return { body: providerConfigView(tenantOf(slice, tenant_id), held) };
  });
