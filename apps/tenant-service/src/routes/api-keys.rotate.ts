import { apiKeysRotate, Refusal } from '@convergence/contracts';
import { commandOf, idOfMade } from '@convergence/service';
import { makeApiKey } from '../api-key-text.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { mayGive, shown } from './api-keys.create.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const apiKeysRotateRoute = ({ slice, keys, clock }: Pick<Tenants, 'slice' | 'keys' | 'clock'>) =>
  operationRoute(apiKeysRotate, async (call) => {
    const { tenant_id, api_key_id } = call.params;
    const old = tenantOf(slice, tenant_id).api_keys.find((key) => key.api_key_id === api_key_id);
    if (!old) throw new Refusal('api_key.not_found', `The tenant has no key ${api_key_id}.`);
    mayGive(call.principal, old.scopes);
    const successor = idOfMade('api-key', commandOf(call.request));
    const made = await makeApiKey(keys, tenant_id, { api_key_id: successor, scopes: old.scopes, key_name: old.key_name });
    const { overlap_hours } = call.body;
    await execute(slice, { kind: 'rotate-api-key', tenant_id, api_key_id, api_key: made.issued, overlap_hours }, asked(call));
    return { body: await shown(made, { slice, keys, clock }) };
  });
