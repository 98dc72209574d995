import { tenantChanged } from '@convergence/contracts';
import { on } from '@convergence/service';
import type { Executor } from '../executor.ts';

export const onTenantChanged = ({ contexts, lately }: Pick<Executor, 'contexts' | 'lately'>) =>
  on(tenantChanged, async (batch) => {
    for (const { data } of batch) {
      contexts.forget(data.tenant_id);
      lately.forget(data.tenant_id);
    }
  });
