import { PLANS, Refusal } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import { changesAfter, usageAt } from '@convergence/tenants';
import Type from 'typebox';
import type { Tenants } from '../tenants.ts';

const Item = Type.Object({
  tenant_id: Type.String(),
  status: Type.String(),
  subscription_status: Type.String(),
  plan: Type.String(),
  weight: Type.Number(),
  usage_date: Type.String(),
  daily: Type.Object({ used: Type.Integer(), limit: Type.Integer() }),
  monthly: Type.Object({ used: Type.Integer(), limit: Type.Integer() }),
  concurrent: Type.Object({ used: Type.Integer(), limit: Type.Integer() }),
});

/**
 * Tenants that changed since the cursor, for who decides whose turn it is: status, weight, limits, usage. Without a cursor, and after
 * this service started anew, all of them. `complete`: there is no more now; ask again with the cursor later.
 */
export const tenantsChangesRoute = ({ slice, clock, instance }: Pick<Tenants, 'slice' | 'clock' | 'instance'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/tenants',
      callers: ['gateway', 'scheduler-service', 'executor-service'],
      query: Type.Object({
        cursor: Type.Optional(Type.String({ maxLength: 200 })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, default: 1000 })),
      }),
      response: Type.Object({ items: Type.Array(Item), next_cursor: Type.String(), complete: Type.Boolean() }),
    },
    ({ query }) => {
      const { ids, position, more } = changesAfter(slice.state.feed, positionOf(query.cursor, instance), query.limit ?? 1000);
      const now = clock.now();
      const items = ids.flatMap((id) => {
        const tenant = slice.state.tenants.get(id as never);
        if (!tenant) return [];
        const day = usageAt(tenant, now);
        const { subscription } = tenant;
        return [
          {
            tenant_id: tenant.tenant_id as string,
            status: tenant.status,
            subscription_status: subscription.status,
            plan: subscription.plan_name,
            weight: PLANS[subscription.plan_name].weight,
            usage_date: day.usage_date,
            daily: { used: day.run, limit: subscription.max_pipelines_per_day },
            monthly: { used: day.month_run, limit: subscription.max_pipelines_per_month },
            concurrent: { used: tenant.live.size, limit: subscription.max_concurrent_pipelines },
          },
        ];
      });
      return { body: { items, next_cursor: `${instance}/${position}`, complete: !more } };
    },
  );

function positionOf(cursor: string | undefined, instance: string): number {
  if (cursor === undefined) return 0;
  const [of, position = ''] = cursor.split('/');
  if (!/^\d{1,15}$/.test(position)) throw new Refusal('request.invalid', 'The cursor is not one of ours.');
  return of === instance ? Number(position) : 0;
}
