import { apiKeysCreate, type NewApiKey, type Principal, Refusal, SCOPES, type Scope } from '@convergence/contracts';
import { commandOf, idOfMade } from '@convergence/service';
import { type MadeKey, makeApiKey, textOf } from '../api-key-text.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { apiKeyView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

type Tools = Pick<Tenants, 'slice' | 'keys' | 'clock'>;

export const apiKeysCreateRoute = ({ slice, keys, clock }: Tools) =>
  operationRoute(apiKeysCreate, async (call) => {
    const { tenant_id } = call.params;
    const { key_name, scopes = heldBy(call.principal), expires_in_days } = call.body;
    tenantOf(slice, tenant_id);
    mayGive(call.principal, scopes);
    const made = await makeApiKey(keys, tenant_id, {
      api_key_id: idOfMade('api-key', commandOf(call.request)),
      scopes,
      key_name: key_name ?? null,
      expires_at: expires_in_days ? new Date(clock.now() + expires_in_days * 86_400_000).toISOString() : null,
    });
    await execute(slice, { kind: 'issue-api-key', tenant_id, api_key: made.issued }, asked(call));
    return { body: await shown(made, { slice, keys, clock }) };
  });

/** A key with its text, for who asked for it. */
export async function shown(made: MadeKey, { slice, keys, clock }: Tools): Promise<NewApiKey> {
  const found = slice.state.keysById.get(made.issued.api_key_id);
  if (!found) throw new Error('a key is gone right after it was made');
  const { tenant, key } = found;
  return { ...apiKeyView(tenant, key, clock.now()), api_key: await textOf(keys, tenant.tenant_id, key, made) };
}

const heldBy = (principal: Principal): readonly Scope[] => (principal.kind === 'tenant' ? principal.scopes : SCOPES);

/** No key makes a stronger one. */
export function mayGive(principal: Principal, scopes: readonly Scope[]): void {
  const missing = scopes.filter((scope) => !heldBy(principal).includes(scope));
  if (missing.length > 0) throw new Refusal('auth.scope_missing', `The key lacks ${missing.join(', ')}, so it can not give it.`);
}
