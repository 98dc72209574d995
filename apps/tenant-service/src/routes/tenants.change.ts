import { Refusal, tenantsChange } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { profileView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

export const tenantsChangeRoute = ({ slice, onboarding }: Pick<Tenants, 'slice' | 'onboarding'>) =>
  operationRoute(tenantsChange, async (call) => {
    const { tenant_id } = call.params;
    if (call.body.status && call.principal.kind !== 'admin') {
      throw new Refusal('auth.invalid_admin_key', 'Only an administrator can change the status.');
    }
    await execute(slice, { kind: 'change-profile', tenant_id, ...call.body }, asked(call));
    const tenant = tenantOf(slice, tenant_id);
    // Whatever was still to be made when it was cancelled.
    if (call.body.status === 'ACTIVE' && tenant.onboarding.dataset_created_at === null) onboarding.continue(tenant);
    return { body: profileView(tenant) };
  });
