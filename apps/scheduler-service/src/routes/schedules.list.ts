import { pipelineConfigsList, schedulesList } from '@convergence/contracts';
import type { Schedule } from '@convergence/schedules';
import { pageOf, route } from '@convergence/service';
import { scheduleView } from '../schedule-view.ts';
import type { Scheduler } from '../scheduler.ts';

interface Filter {
  readonly is_active?: boolean;
  readonly provider?: string;
  readonly domain?: string;
  readonly limit?: number;
  readonly cursor?: string;
}
const same = (a: string, b: string | undefined): boolean => b === undefined || a.toLowerCase() === b.toLowerCase();

/** Of one tenant, and of all of them. */
export const schedulesListRoutes = ({ slice, clock }: Pick<Scheduler, 'slice' | 'clock'>) => {
  const list = (tenantId: string | undefined, query: Filter) => {
    const of = function* (): Generator<Schedule> {
      const ids = tenantId === undefined ? slice.state.schedules.keys() : (slice.state.byTenant.get(tenantId) ?? []);
      for (const id of ids) {
        const schedule = slice.state.schedules.get(id) as Schedule;
        if (query.is_active !== undefined && schedule.is_active !== query.is_active) continue;
        if (same(schedule.provider, query.provider) && same(schedule.domain, query.domain)) yield schedule;
      }
    };
    const page = pageOf(of(), (schedule) => schedule.config_id, query);
    return { body: { ...page, items: page.items.map((schedule) => scheduleView(schedule, clock.now())) } };
  };
  return [
    route(schedulesList, ({ params, query }) => list(params.tenant_id, query)),
    route(pipelineConfigsList, ({ query }) => list(query.tenant_id, query)),
  ];
};
