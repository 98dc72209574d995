import { pipelineConfigsCreate, type ScheduleCreate, schedulesCreate, type TenantId } from '@convergence/contracts';
import type { Schedule } from '@convergence/schedules';
import { type Call, commandOf, idOfMade, route } from '@convergence/service';
import { checkSchedule } from '../check-schedule.ts';
import { scheduleView } from '../schedule-view.ts';
import type { Scheduler } from '../scheduler.ts';

type Tools = Pick<Scheduler, 'slice' | 'clock' | 'templates' | 'admission' | 'timekeeper'>;

export const schedulesCreateRoutes = (tools: Tools) => {
  const create = async (tenantId: string, wanted: ScheduleCreate, call: Pick<Call, 'principal' | 'request'>) => {
    // Of an admin only: a tenant's key proves the tenant. A new one may not have been heard of yet.
    if (call.principal.kind !== 'tenant' && !tools.slice.state.tenants.has(tenantId)) await tools.admission.checkTenant(tenantId);
    const { provider, domain, pipeline_template, ...rest } = wanted;
    const settings = {
      timezone: 'UTC',
      is_active: true,
      priority: 5,
      parameters: {},
      max_retries: 3,
      catchup: 'latest' as const,
      overlap: 'skip' as const,
      dst: 'shift' as const,
      ...rest,
    };
    const name = { provider: provider.toUpperCase(), domain: domain.toUpperCase(), pipeline_template: pipeline_template.toLowerCase() };
    checkSchedule(tools.templates, tenantId as TenantId, { ...name, ...settings }, tools.clock.now());
    const config_id = idOfMade('schedule', commandOf(call.request));
    const schedule = await tools.slice.execute<Schedule>(
      { type: 'create-schedule', config_id, tenant_id: tenantId, ...name, settings },
      { actor: call.principal },
    );
    tools.timekeeper.rescheduled();
    return { body: scheduleView(schedule, tools.clock.now()) };
  };
  return [
    route(schedulesCreate, (call) => create(call.params.tenant_id, call.body, call)),
    route(pipelineConfigsCreate, (call) => {
      const { tenant_id, ...wanted } = call.body;
      return create(tenant_id, wanted, call);
    }),
  ];
};
