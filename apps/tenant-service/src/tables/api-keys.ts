import type { Scope } from '@convergence/contracts';
import { tenantApiKeys } from '@convergence/tables';
import { addKey, apiKeyEdited, tenantNamed } from '@convergence/tenants';
import { bytes, flag, sealed, text, textOrNull, texts, time, timeOrNull } from './cells.ts';
import { find, ids, type TenantProjection } from './projection.ts';

export const apiKeys: TenantProjection = {
  table: tenantApiKeys,
  key: ['api_key_id'],
  touches(event, state) {
    switch (event.type) {
      case 'tenant_onboarded':
      case 'api_key_issued':
        return [event.api_key.api_key_id];
      case 'api_key_rotated':
        return [event.api_key_id, event.api_key.api_key_id];
      case 'api_key_revoked':
      case 'api_key_adopted':
        return [event.api_key_id];
      case 'api_keys_used':
        return event.used.map((used) => used.api_key_id);
      case 'tenant_purged':
        return find(state, event.tenant_id)?.api_keys.map((key) => key.api_key_id) ?? [];
      default:
        return [];
    }
  },
  row(state, keyId) {
    const found = state.keysById.get(keyId);
    if (!found) return undefined;
    const { sealed: sealedKey, ...key } = found.key;
    return { ...ids(found.tenant.tenant_id), ...key, scopes: [...key.scopes], encrypted_api_key: bytes(sealedKey) };
  },
  load(state, rows) {
    for (const row of rows) {
      addKey(state, tenantNamed(state, text(row, 'tenant_id')), {
        api_key_id: text(row, 'api_key_id'),
        api_key_hash: text(row, 'api_key_hash'),
        sealed: sealed(row, 'encrypted_api_key'),
        key_name: textOrNull(row, 'key_name'),
        scopes: texts(row, 'scopes') as Scope[],
        created_at: time(row, 'created_at'),
        is_active: flag(row, 'is_active'),
        expires_at: timeOrNull(row, 'expires_at'),
        last_used_at: timeOrNull(row, 'last_used_at'),
        revoked_at: timeOrNull(row, 'revoked_at'),
        rotated_to: textOrNull(row, 'rotated_to'),
      });
    }
  },
  all: (state) => state.keysById,
  /** Whoever deletes a key does not want it to work. */
  deleted: (state, keyId) => {
    const found = state.keysById.get(keyId);
    return found ? apiKeyEdited(found.tenant, found.key, { is_active: false, expires_at: null }) : [];
  },
  adopt(state, row) {
    const found = state.keysById.get(String(row.api_key_id));
    return found ? apiKeyEdited(found.tenant, found.key, { is_active: row.is_active, expires_at: timeOrNull(row, 'expires_at') }) : [];
  },
};
