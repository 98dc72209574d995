import { pipelineConfigsDisable, schedulesDisable } from '@convergence/contracts';
import type { Schedule } from '@convergence/schedules';
import { route } from '@convergence/service';
import { scheduleView } from '../schedule-view.ts';
import type { Scheduler } from '../scheduler.ts';

export const schedulesDisableRoutes = ({ slice, clock }: Pick<Scheduler, 'slice' | 'clock'>) => {
  const disable = async (config_id: string, tenant_id: string | undefined, actor: unknown) => {
    await slice.execute({ type: 'disable-schedule', config_id, ...(tenant_id !== undefined && { tenant_id }) }, { actor });
    return { body: scheduleView(slice.state.schedules.get(config_id) as Schedule, clock.now()) };
  };
  return [
    route(schedulesDisable, ({ params, principal }) => disable(params.config_id, params.tenant_id, principal)),
    route(pipelineConfigsDisable, ({ params, principal }) => disable(params.config_id, undefined, principal)),
  ];
};
