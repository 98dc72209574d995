import { apiKeysCreate, type Principal, Refusal, SCOPES, type Scope } from '@convergence/contracts';
import { makeApiKey } from '../api-key-text.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { apiKeyView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const apiKeysCreateRoute = ({ slice, keys, clock }: Pick<Tenants, 'slice' | 'keys' | 'clock'>) =>
  operationRoute(apiKeysCreate, async (call) => {
    const { tenant_id } = call.params;
    const { key_name, scopes = heldBy(call.principal), expires_in_days } = call.body;
    tenantOf(slice, tenant_id);
    mayGive(call.principal, scopes);
    const made = await makeApiKey(keys, tenant_id, {
      scopes,
      key_name: key_name ?? null,
      expires_at: expires_in_days ? new Date(clock.now() + expires_in_days * 86_400_000).toISOString() : null,
    });
    await execute(slice, { kind: 'issue-api-key', tenant_id, api_key: made.issued }, asked(call));
    const found = slice.state.keysById.get(made.issued.api_key_id);
    if (!found) throw new Error('a key is gone right after it was made');
    return { body: { ...apiKeyView(found.tenant, found.key, clock.now()), api_key: made.text } };
  });

const heldBy = (principal: Principal): readonly Scope[] => (principal.kind === 'tenant' ? principal.scopes : SCOPES);

/** No key makes a stronger one. */
export function mayGive(principal: Principal, scopes: readonly Scope[]): void {
  const missing = scopes.filter((scope) => !heldBy(principal).includes(scope));
  if (missing.length > 0) throw new Refusal('auth.scope_missing', `The key lacks ${missing.join(', ')}, so it can not give it.`);
}
