import { type TenantId, tenantChanged } from '@convergence/contracts';
import { type EventHandler, on } from '@convergence/service';
import type { ApiKeys } from '../auth/api-keys.ts';

/** Something about a tenant is no longer as it was: forget what was remembered of its keys and status. */
export const tenantChangedHandler = (apiKeys: Pick<ApiKeys, 'forget'>): EventHandler =>
  on(tenantChanged, async (batch) => {
    for (const event of batch) apiKeys.forget(event.data.tenant_id as TenantId);
  });
