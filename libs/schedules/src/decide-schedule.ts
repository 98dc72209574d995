import { Refusal } from '@convergence/contracts';
import type { ScheduleCommand } from './commands.ts';
import { checkCron, nextFire, resolveCron } from './cron.ts';
import type { DecideContext, Decided } from './decision.ts';
import { FIRE_VARIABLES, unknownVariables } from './fire-variables.ts';
import { backfillRunId, dstPolicy, type Schedule, type ScheduleSettings } from './schedule.ts';
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
    next_run_time: movedOr(command.next_run_time, nextRunTime({ ...command.settings, resolved_cron }, now), now),
    last_run_time: null,
    last_run_status: null,
    consecutive_failures: 0,
    paused_reason: null,
    notice: null,
    moved_to: command.next_run_time ?? null,
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
  // A refresh that comes before the next checkpoint sees the same edit again.
  const moved = command.next_run_time === schedule.moved_to ? undefined : command.next_run_time;
  if (moved === undefined && Object.keys(command.changes).length === 0) return { events: [], reply: schedule.config_id };
  const next_run_time = movedOr(moved, byRule, now);
  return {
    events: [
      {
        type: 'schedule-changed',
        config_id: schedule.config_id,
        tenant_id: schedule.tenant_id,
        changes: command.changes,
        resolved_cron,
        next_run_time,
        ...(moved !== undefined && { moved_to: moved }),
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
  const { backfill_id, tenant_id, provider, domain, pipeline_template, dates, max_concurrent, trigger_by, asked_by } = command;
  const items = dates.map(({ date, parameters }) => ({ run_id: backfillRunId(backfill_id, date), date, parameters }));
  // Asked for again.
  if (state.backfills.has(backfill_id) || items.some(({ run_id }) => state.ended.has(run_id))) return { events: [], reply: items };
  const room = Math.min(limits.backfillDates, limits.backlogPerTenant - state.queue.backlogOf(tenant_id));
  if (dates.length > room)
    return {
      refusal: new Refusal(
        'service.overloaded',
        `${dates.length} dates are more than the ${Math.max(0, room)} that fit into the queue now.`,
        { retryAfterSeconds: 600 },
      ),
    };
  const bytes = dates.length * (BYTES_OF_A_DATE + JSON.stringify(dates[0]?.parameters ?? {}).length);
  if (bytes > MOST_BYTES) {
    const errors = [{ path: '/parameters', message: `are too much for ${dates.length} dates at once; ask for fewer dates` }];
    return { refusal: new Refusal('request.invalid', `The parameters ${errors[0]?.message}.`, { fields: { errors } }) };
  }
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
        trigger_by,
        asked_by,
        items,
        at: now,
        expires_at: now + limits.backfillTimeToLiveMs,
      },
    ],
    reply: items,
  };
}

/** All dates of a backfill go into the journal in one piece. */
const MOST_BYTES = 3_000_000;
const BYTES_OF_A_DATE = 100;

/**
 * A time set by hand that is past means now: as a fire it is another than any before it, so that setting a time at which the
 * schedule has fired already runs it again.
 */
const movedOr = (moved: number | undefined, byRule: number | null, now: number): number | null =>
  byRule === null || moved === undefined ? byRule : Math.max(moved, now);

export const nextRunTime = (s: Pick<Schedule, 'is_active' | 'resolved_cron' | 'timezone' | 'dst'>, after: number): number | null =>
  s.is_active ? (nextFire(s.resolved_cron, s.timezone, dstPolicy(s.dst), after) ?? null) : null;

function find(state: SchedulesState, command: { readonly config_id: string; readonly tenant_id?: string }): Schedule | undefined {
  const schedule = state.schedules.get(command.config_id);
  return schedule && (command.tenant_id === undefined || schedule.tenant_id === command.tenant_id) ? schedule : undefined;
}
const notFound = (configId: string): Decided => ({ refusal: new Refusal('schedule.not_found', `No schedule ${configId}.`) });

/** Everything that is wrong with the settings, for the person who typed them. */
export function problemsOf(settings: ScheduleSettings, now: number): readonly FieldProblem[] {
  const problems = checkCron(settings.schedule_cron, settings.timezone, now).map(({ field, message }) => ({ path: `/${field}`, message }));
  for (const name of unknownVariables(settings.parameters)) {
    const message = `{${name}} is not known; use one of ${FIRE_VARIABLES.map((v) => `{${v}}`).join(', ')}`;
    problems.push({ path: '/parameters', message });
  }
  problems.push(...outOfRange(settings));
  return problems.map((problem) => ({ in: 'body', ...problem }));
}
export interface FieldProblem {
  readonly in: 'body';
  readonly path: string;
  readonly message: string;
}
export const invalidSchedule = (errors: readonly FieldProblem[]): Refusal =>
  new Refusal('schedule.invalid', errors.map((e) => e.message).join('; '), { fields: { errors } });

function invalid(settings: ScheduleSettings, now: number): Refusal | undefined {
  const problems = problemsOf(settings, now);
  return problems.length > 0 ? invalidSchedule(problems) : undefined;
}

/** The API checks shapes at its edge; a row edited by hand comes straight here. */
const PARAMETER_BYTES = 16_384;
function outOfRange(settings: ScheduleSettings): { path: string; message: string }[] {
  const { priority, max_retries, parameters, catchup, overlap, dst } = settings;
  const wrong: [boolean, string, string][] = [
    [!(Number.isInteger(priority) && priority >= 1 && priority <= 10), '/priority', 'priority is a whole number from 1 to 10'],
    [
      !(Number.isInteger(max_retries) && max_retries >= 0 && max_retries <= 10),
      '/max_retries',
      'max_retries is a whole number from 0 to 10',
    ],
    [!['latest', 'all', 'none'].includes(catchup), '/catchup', 'catchup is latest, all or none'],
    [!['skip', 'queue', 'allow'].includes(overlap), '/overlap', 'overlap is skip, queue or allow'],
    [!['shift', 'skip'].includes(dst), '/dst', 'dst is shift or skip'],
    [Array.isArray(parameters) || typeof parameters !== 'object', '/parameters', 'parameters are an object'],
    [
      JSON.stringify(parameters).length > PARAMETER_BYTES,
      '/parameters',
      `parameters are larger than ${PARAMETER_BYTES / 1024} KB; put lists that long into a table`,
    ],
  ];
  return wrong.filter(([is]) => is).map(([, path, message]) => ({ path, message }));
}
