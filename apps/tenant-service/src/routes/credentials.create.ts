import { credentialsCreate, Refusal } from '@convergence/contracts';
import { commandOf, idOfMade } from '@convergence/service';
import { checkedCredential, seal } from '../credentials/credential.ts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { credentialView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const credentialsCreateRoute = ({ slice, keys, clock }: Pick<Tenants, 'slice' | 'keys' | 'clock'>) =>
  operationRoute(credentialsCreate, async (call) => {
    const { tenant_id } = call.params;
    const { provider, credential_type, credential_name, credentials, project_id } = call.body;
    const of = (id: string) => tenantOf(slice, tenant_id).credentials.find((credential) => credential.credential_id === id);
    const credential_id = idOfMade('credential', commandOf(call.request), clock.now(), (id) => of(id) !== undefined);
    const checked = checkedCredential(provider, credential_type, credentials);
    await execute(
      slice,
      {
        kind: 'add-credential',
        tenant_id,
        credential: {
          credential_id,
          provider,
          credential_type: checked.type,
          credential_name,
          credential_hint: checked.hint,
          project_id: project_id ?? checked.projectId,
          sealed: await seal(keys, tenant_id, credential_id, checked),
        },
      },
      asked(call),
    );
    const held = of(credential_id);
    if (!held) throw new Refusal('credential.not_found', 'The credential was removed again meanwhile.');
    return { body: credentialView(tenantOf(slice, tenant_id), held) };
  });
