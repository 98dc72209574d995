import type { Domain, Provider } from '@convergence/contracts';
import { keyParts, tableKey } from '@convergence/slice';
import { tenantProviderConfigs } from '@convergence/tables';
import { type ProviderConfig, tenantNamed, withOneMore } from '@convergence/tenants';
import { flag, json, text, textOrNull, texts, time } from './cells.ts';
import { find, ids, type TenantProjection } from './projection.ts';

export const providerConfigs: TenantProjection = {
  table: tenantProviderConfigs,
  key: ['tenant_id', 'config_id'],
  touches(event, state) {
    switch (event.type) {
      case 'provider_config_added':
        return [tableKey(event.tenant_id, event.config.config_id)];
      case 'provider_config_changed':
      case 'provider_config_removed':
        return [tableKey(event.tenant_id, event.config_id)];
      case 'tenant_purged':
        return find(state, event.tenant_id)?.provider_configs.map((held) => tableKey(event.tenant_id, held.config_id)) ?? [];
      default:
        return [];
    }
  },
  row(state, key) {
    const [tenantId = '', configId] = keyParts(key);
    const held = find(state, tenantId)?.provider_configs.find((config) => config.config_id === configId);
    return (
      held && {
        ...ids(tenantId),
        ...held,
        notification_emails: [...held.notification_emails],
        options: JSON.stringify(held.options),
      }
    );
  },
  load(state, rows) {
    for (const row of rows) {
      const tenant = tenantNamed(state, text(row, 'tenant_id'));
      tenant.provider_configs = withOneMore(tenant.provider_configs, {
        config_id: text(row, 'config_id'),
        provider: text(row, 'provider') as Provider,
        domain: text(row, 'domain') as Domain,
        source_project_id: textOrNull(row, 'source_project_id'),
        source_dataset: textOrNull(row, 'source_dataset'),
        notification_emails: texts(row, 'notification_emails'),
        options: json<ProviderConfig['options']>(row, 'options'),
        is_active: flag(row, 'is_active'),
        created_at: time(row, 'created_at'),
        updated_at: time(row, 'updated_at'),
      });
    }
  },
};
