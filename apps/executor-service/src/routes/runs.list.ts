import { runsList, tenantRunsList } from '@convergence/contracts';
import { route } from '@convergence/service';
import type { Executor } from '../executor.ts';
import { runView } from '../index/run-view.ts';

export const runsListRoute = ({ runs }: Pick<Executor, 'runs'>) =>
  route(runsList, async ({ query, principal, signal }) => {
    const { limit = 50, cursor, tenant_id, ...filter } = query;
    const tenantId = principal.kind === 'tenant' ? principal.tenantId : tenant_id;
    const { items, next_cursor } = await runs.list({ ...filter, tenantId }, cursor, limit, signal);
    return { body: { items: items.map(runView), next_cursor } };
  });

export const tenantRunsListRoute = ({ runs }: Pick<Executor, 'runs'>) =>
  route(tenantRunsList, async ({ params, query, principal, signal }) => {
    const { limit = 50, cursor, ...filter } = query;
    const tenantId = principal.kind === 'tenant' ? principal.tenantId : params.tenant_id;
    const { items, next_cursor } = await runs.list({ ...filter, tenantId }, cursor, limit, signal);
    return { body: { items: items.map(runView), next_cursor } };
  });
