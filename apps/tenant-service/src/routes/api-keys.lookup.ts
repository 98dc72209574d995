import { KeyLookupRequest, KeyLookupResponse } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import { findKey } from '@convergence/tenants';
import type { Tenants } from '../tenants.ts';

/** Who holds the key with this SHA-256; null for unknown, revoked and expired ones alike. */
export const apiKeysLookupRoute = ({ slice, clock }: Pick<Tenants, 'slice' | 'clock'>) =>
  internalRoute(
    { method: 'POST', path: '/internal/api-keys/lookup', callers: ['gateway'], body: KeyLookupRequest, response: KeyLookupResponse },
    ({ body }) => {
      const found = findKey(slice.state, body.api_key_hash, clock.now());
      if (!found) return { body: { key: null } };
      const { tenant, key } = found;
      return {
        body: {
          key: {
            api_key_id: key.api_key_id,
            tenant_id: tenant.tenant_id,
            scopes: [...key.scopes],
            expires_at: key.expires_at,
            tenant_status: tenant.status,
          },
        },
      };
    },
  );
