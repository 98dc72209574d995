import { Refusal } from '@convergence/contracts';
import type { ScheduleCommand } from './commands.ts';
import { checkCron, nextFire, resolveCron } from './cron.ts';
import type { DecideContext, Decided } from './decide.ts';
import { FIRE_VARIABLES, unknownVariables } from './fire-variables.ts';
import { dstPolicy, idOf, type Schedule, type ScheduleSettings } from './schedule.ts';
import type { SchedulesState } from './state.ts';

type Of<T extends ScheduleCommand['type']> = Extract<ScheduleCommand, { type: T }>;

export function decideCreate(state: SchedulesState, command: Of<'create-schedule'>, { now, limits }: DecideContext): Decided {
  const known = state.schedules.get(command.config_id);
  if (known) return { events: [], reply: known };
  const count = state.byTenant.get(command.tenant_id)?.size ?? 0;
  if (count >= limits.schedulesPerTenant)
    return { refusal: new Refusal('schedule.limit', `The tenant has ${count} schedules; ${limits.schedulesPerTenant} are allowed.`) };
  const refusal = invalid(command.settings, now);
  if (refusal) return { refusal };
  const resolved_cron = resolveCron(command.settings.schedule_cron, command.config_id);
  const schedule: Schedule = {
    config_id: command.config_id,
    tenant_id: command.tenant_id,
    provider: command.provider,
    domain: command.domain,
    pipeline_template: command.pipeline_template,
    ...command.settings,
    resolved_cron,
    next_run_time: nextRunTime({ ...command.settings, resolved_cron }, now),
    last_run_time: null,
    last_run_status: null,
    consecutive_failures: 0,
    paused_reason: null,
    created_at: now,
    updated_at: now,
  };
  return { events: [{ type: 'schedule-created', schedule }], reply: schedule };
}

export function decideChange(state: SchedulesState, command: Of<'change-schedule'>, { now }: DecideContext): Decided {
  const schedule = find(state, command);
  if (!schedule) return notFound(command.config_id);
  const settings = { ...schedule, ...command.changes };
  const refusal = invalid(settings, now);
  if (refusal) return { refusal };
  const resolved_cron = resolveCron(settings.schedule_cron, schedule.config_id);
  const timingChanged =
    resolved_cron !== schedule.resolved_cron ||
    settings.timezone !== schedule.timezone ||
    settings.dst !== schedule.dst ||
    settings.is_active !== schedule.is_active;
  const byRule = timingChanged ? nextRunTime({ ...settings, resolved_cron }, now) : schedule.next_run_time;
  const next_run_time = settings.is_active ? (command.next_run_time ?? byRule) : null;
  return {
    events: [
      {
        type: 'schedule-changed',
        config_id: schedule.config_id,
        tenant_id: schedule.tenant_id,
        changes: command.changes,
        resolved_cron,
        next_run_time,
        at: now,
      },
    ],
    reply: schedule.config_id,
  };
}

export function decideDisable(state: SchedulesState, command: Of<'disable-schedule'>, { now }: DecideContext): Decided {
  const schedule = find(state, command);
  if (!schedule) return notFound(command.config_id);
  if (!schedule.is_active) return { events: [], reply: schedule.config_id };
  const { config_id, tenant_id, resolved_cron } = schedule;
  return {
    events: [
      { type: 'schedule-changed', config_id, tenant_id, changes: { is_active: false }, resolved_cron, next_run_time: null, at: now },
    ],
    reply: config_id,
  };
}

export function decideBackfill(state: SchedulesState, command: Of<'request-backfill'>, { now, limits }: DecideContext): Decided {
  const { backfill_id, tenant_id, provider, domain, pipeline_template, dates, max_concurrent } = command;
  const room = Math.min(limits.backfillDates, limits.backlogPerTenant - state.queue.backlogOf(tenant_id));
  if (dates.length > room)
    return {
      refusal: new Refusal(
        'service.overloaded',
        `${dates.length} dates are more than the ${Math.max(0, room)} that fit into the queue now.`,
        { retryAfterSeconds: 600 },
      ),
    };
  const items = dates.map(({ date, parameters }) => ({ run_id: idOf('backfill', backfill_id, date), date, parameters }));
  return {
    events: [
      {
        type: 'backfill-requested',
        backfill_id,
        tenant_id,
        provider,
        domain,
        pipeline_template,
        max_concurrent,
        items,
        at: now,
        expires_at: now + limits.backfillTimeToLiveMs,
      },
    ],
    reply: items,
  };
}

export const nextRunTime = (s: Pick<Schedule, 'is_active' | 'resolved_cron' | 'timezone' | 'dst'>, after: number): number | null =>
  s.is_active ? (nextFire(s.resolved_cron, s.timezone, dstPolicy(s.dst), after) ?? null) : null;

function find(state: SchedulesState, command: { readonly config_id: string; readonly tenant_id?: string }): Schedule | undefined {
  const schedule = state.schedules.get(command.config_id);
  return schedule && (command.tenant_id === undefined || schedule.tenant_id === command.tenant_id) ? schedule : undefined;
}
const notFound = (configId: string): Decided => ({ refusal: new Refusal('schedule.not_found', `No schedule ${configId}.`) });

function invalid(settings: ScheduleSettings, now: number): Refusal | undefined {
  const errors = checkCron(settings.schedule_cron, settings.timezone, now).map(({ field, message }) => ({ path: `/${field}`, message }));
  for (const name of unknownVariables(settings.parameters))
    errors.push({ path: '/parameters', message: `{${name}} is not known; use one of ${FIRE_VARIABLES.map((v) => `{${v}}`).join(', ')}` });
  return errors.length ? new Refusal('schedule.invalid', errors.map((e) => e.message).join('; '), { fields: { errors } }) : undefined;
}
