import { apiKeysRevoke } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { apiKeyView } from '../views.ts';
import { operationRoute } from './operation-route.ts';

export const apiKeysRevokeRoute = ({ slice, clock }: Pick<Tenants, 'slice' | 'clock'>) =>
  operationRoute(apiKeysRevoke, async (call) => {
    const { tenant_id, api_key_id } = call.params;
    await execute(slice, { kind: 'revoke-api-key', tenant_id, api_key_id }, asked(call));
    const found = slice.state.keysById.get(api_key_id);
    if (!found) throw new Error('a key is gone right after it was revoked');
    return { body: apiKeyView(found.tenant, found.key, clock.now()) };
  });
