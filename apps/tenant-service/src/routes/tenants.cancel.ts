import { Refusal, tenantsCancel } from '@convergence/contracts';
import type { Tenants } from '../tenants.ts';
import { asked, execute } from '../tenants-slice.ts';
import { profileView } from '../views.ts';
import { operationRoute, tenantOf } from './operation-route.ts';

/** Cancels; with `purge` the dataset and every secret go too. The decision is journalled before anything is dropped. */
export const tenantsCancelRoute = ({ slice, warehouse, log }: Pick<Tenants, 'slice' | 'warehouse' | 'log'>) =>
  operationRoute(tenantsCancel, async (call) => {
    const { tenant_id } = call.params;
    tenantOf(slice, tenant_id);
    if (call.query.purge) {
      if (call.request.headers['x-confirm'] !== tenant_id) {
        throw new Refusal('request.confirmation_required', `Purging drops the dataset for good. Send X-Confirm: ${tenant_id} to confirm.`);
      }
      await execute(slice, { kind: 'purge-tenant', tenant_id }, asked(call));
      await warehouse.dropDataset(tenant_id);
      log.warn({ tenant_id }, 'tenant purged');
    } else {
      await execute(slice, { kind: 'change-profile', tenant_id, status: 'CANCELLED' }, asked(call));
    }
    return { body: profileView(tenantOf(slice, tenant_id)) };
  });
