import type { CredentialType, Provider } from '@convergence/contracts';
import { keyParts, tableKey } from '@convergence/slice';
import { tenantCloudCredentials } from '@convergence/tables';
import { tenantNamed, withOneMore } from '@convergence/tenants';
import { bytes, flag, sealed, text, textOrNull, time } from './cells.ts';
import { find, ids, type TenantProjection } from './projection.ts';

export const credentials: TenantProjection = {
  table: tenantCloudCredentials,
  key: ['tenant_id', 'credential_id'],
  touches(event, state) {
    switch (event.type) {
      case 'credential_added':
        return [tableKey(event.tenant_id, event.credential.credential_id)];
      case 'credential_changed':
      case 'credential_removed':
        return [tableKey(event.tenant_id, event.credential_id)];
      case 'tenant_purged':
        return find(state, event.tenant_id)?.credentials.map((held) => tableKey(event.tenant_id, held.credential_id)) ?? [];
      default:
        return [];
    }
  },
  row(state, key) {
    const [tenantId = '', credentialId] = keyParts(key);
    const held = find(state, tenantId)?.credentials.find((credential) => credential.credential_id === credentialId);
    if (!held) return undefined;
    const { sealed: sealedValue, ...credential } = held;
    return { ...ids(tenantId), ...credential, encrypted_credentials: bytes(sealedValue) };
  },
  load(state, rows) {
    for (const row of rows) {
      const tenant = tenantNamed(state, text(row, 'tenant_id'));
      tenant.credentials = withOneMore(tenant.credentials, {
        credential_id: text(row, 'credential_id'),
        provider: text(row, 'provider') as Provider,
        credential_type: text(row, 'credential_type') as CredentialType,
        credential_name: text(row, 'credential_name'),
        sealed: sealed(row, 'encrypted_credentials'),
        project_id: textOrNull(row, 'project_id'),
        credential_hint: text(row, 'credential_hint'),
        is_active: flag(row, 'is_active'),
        created_at: time(row, 'created_at'),
        updated_at: time(row, 'updated_at'),
      });
    }
  },
};
