import { Refusal, schedulesChange, type TenantId } from '@convergence/contracts';
import type { Schedule } from '@convergence/schedules';
import { route } from '@convergence/service';
import { checkSchedule } from '../check-schedule.ts';
import { scheduleView } from '../schedule-view.ts';
import type { Scheduler } from '../scheduler.ts';

export const schedulesChangeRoute = ({
  slice,
  clock,
  templates,
  timekeeper,
}: Pick<Scheduler, 'slice' | 'clock' | 'templates' | 'timekeeper'>) =>
  route(schedulesChange, async ({ params, body, principal }) => {
    const { config_id, tenant_id } = params;
    const schedule = slice.state.schedules.get(config_id);
    if (schedule?.tenant_id !== tenant_id) throw new Refusal('schedule.not_found', `No schedule ${config_id}.`);
    if (body.parameters) checkSchedule(templates, tenant_id as TenantId, { ...schedule, ...body }, clock.now());
    await slice.execute({ type: 'change-schedule', config_id, tenant_id, changes: body }, { actor: principal });
    timekeeper.rescheduled();
    return { body: scheduleView(slice.state.schedules.get(config_id) as Schedule, clock.now()) };
  });
