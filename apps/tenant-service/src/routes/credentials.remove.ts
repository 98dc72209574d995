import { credentialsRemove, Refusal } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { credentialView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const credentialsRemoveRoute = ({ slice }: Pick<Tenants, 'slice'>) =>
  operationRoute(credentialsRemove, async (call) => {
    const { tenant_id, credential_id } = call.params;
    const tenant = tenantOf(slice, tenant_id);
    const held = tenant.credentials.find((credential) => credential.credential_id === credential_id);
    if (!held) throw new Refusal('credential.not_found', `The tenant has no credential ${credential_id}.`);
    await execute(slice, { kind: 'remove-credential', tenant_id, credential_id }, asked(call));
    return { body: { ...credentialView(tenant, held), is_active: false } };
  });
