import { credentialsCreate, Refusal } from '@convergence/contracts';
import { commandOf, idOfMade } from '@convergence/service';
import { checkedCredential, seal } from '../credentials/credential.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { credentialView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const credentialsCreateRoute = ({ slice, keys }: Pick<Tenants, 'slice' | 'keys'>) =>
  operationRoute(credentialsCreate, async (call) => {
    const { tenant_id } = call.params;
    const { provider, credential_type, credential_name, credentials, project_id } = call.body;
    const command = commandOf(call.request);
    const credential_id = idOfMade('credential', command);
    if (!command?.made) {
      const checked = checkedCredential(provider, credential_type, credentials);
      const credential = {
        credential_id,
        provider,
        credential_type: checked.type,
        credential_name,
        credential_hint: checked.hint,
        project_id: project_id ?? checked.projectId,
        sealed: await seal(keys, tenant_id, credential_id, checked),
      };
      await execute(slice, { kind: 'add-credential', tenant_id, credential, command: command?.id }, asked(call));
    }
    const held = tenantOf(slice, tenant_id).credentials.find((credential) => credential.credential_id === credential_id);
    if (!held) throw new Refusal('credential.not_found', 'The credential was removed again.');
    return { body: credentialView(tenantOf(slice, tenant_id), held) };
  });
