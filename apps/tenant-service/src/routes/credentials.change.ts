import { credentialsChange, Refusal } from '@convergence/contracts';
import { checkedCredential, seal } from '../credentials/credential.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { credentialView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const credentialsChangeRoute = ({ slice, keys }: Pick<Tenants, 'slice' | 'keys'>) =>
  operationRoute(credentialsChange, async (call) => {
    const { tenant_id, credential_id } = call.params;
    const tenant = tenantOf(slice, tenant_id);
    const held = () => {
      const found = tenant.credentials.find((credential) => credential.credential_id === credential_id);
      if (!found) throw new Refusal('credential.not_found', `The tenant has no credential ${credential_id}.`);
      return found;
    };
    const { credentials, ...rest } = call.body;
    const { provider, credential_type } = held();
    const checked = credentials && checkedCredential(provider, credential_type, credentials);
    const secret = checked && { sealed: await seal(keys, tenant_id, credential_id, checked), credential_hint: checked.hint };
    await execute(slice, { kind: 'change-credential', tenant_id, credential_id, change: { ...rest, ...secret } }, asked(call));
    return { body: credentialView(tenant, held()) };
  });
