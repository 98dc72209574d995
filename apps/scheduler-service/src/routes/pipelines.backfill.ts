import { pipelinesBackfill, Refusal, type TenantId } from '@convergence/contracts';
import type { Template } from '@convergence/pipelines';
import { attemptId, backfillRunId, DEFAULT_LIMITS, pipelineIdOf } from '@convergence/schedules';
import { type Command, commandOf, idOfMade, route } from '@convergence/service';
import { checkTemplate } from '../check-schedule.ts';
import { refOf } from '../run-spec.ts';
import type { Scheduler } from '../scheduler.ts';

const DAY = 86_400_000;
type Tools = Pick<Scheduler, 'slice' | 'clock' | 'templates' | 'dispatcher' | 'admission'>;

/** One run per date, or per month where the template is of months, in a lane of its own behind all live work. */
export const pipelinesBackfillRoute = (tools: Tools) =>
  route(pipelinesBackfill, async ({ params, body, principal, request }) => {
    const { slice, clock, templates, dispatcher } = tools;
    const { tenant_id, provider, domain, template } = params;
    const { from, to, max_concurrent = 1, parameters = {}, trigger_by } = body;
    const named = { provider: provider.toUpperCase(), domain: domain.toUpperCase(), pipeline_template: template.toLowerCase() };
    const dates = datesOf(templates.find(refOf(named), tenant_id), from, to);
    const every = { ...named, parameters: { ...parameters, ...dates[0] }, timezone: 'UTC' };
    const { ref } = checkTemplate(templates, tenant_id as TenantId, every, clock.now());
    const command = commandOf(request);
    const backfill_id = idOfMade('backfill', command);
    if (!(await isMade(backfill_id, command, dates[0]?.date ?? '', tools))) {
      await slice.execute(
        {
          type: 'request-backfill',
          backfill_id,
          tenant_id,
          ...named,
          dates: dates.map((own) => ({ date: own.date, parameters: { ...parameters, ...own } })),
          max_concurrent,
          trigger_by: trigger_by ?? (principal.kind === 'tenant' ? (principal.userId ?? principal.tenantId) : principal.kind),
          asked_by: principal,
        },
        { actor: principal },
      );
      dispatcher.poke();
    }
    if (command?.made === null) await tools.admission.noteMade(command, backfill_id);
    return {
      body: {
        backfill_id,
        tenant_id,
        pipeline_id: pipelineIdOf({ ...named, tenant_id, pipeline_template: ref.template }),
        max_concurrent,
        queued_count: dates.length,
        // The run of the first attempt: what GET /pipelines/runs/{id} and why take.
        runs: dates.map(({ date }) => ({ run_id: attemptId(backfillRunId(backfill_id, date), 0), date })),
        message: `Queued ${dates.length} ${dates.length === 1 ? 'run' : 'runs'}, ${max_concurrent} at a time, behind live work.`,
      },
    };
  });

/** It was noted; or, where a crash came between, something of it is queued or tenant-service knows its first run. */
async function isMade(backfillId: string, command: Command | undefined, firstDate: string, { slice, admission }: Tools): Promise<boolean> {
  if (command === undefined) return false;
  if (command.made !== null || slice.state.backfills.has(backfillId)) return true;
  return (await admission.run(attemptId(backfillRunId(backfillId, firstDate), 0))) !== undefined;
}

/** A template that says nothing of days but has a month runs once for each month that the range touches. */
function datesOf(
  template: Template | undefined,
  from: string,
  to: string,
): readonly { readonly date: string; readonly [month: string]: string }[] {
  const refuse = (message: string) => new Refusal('request.invalid', `to ${message}.`, { fields: { errors: [{ path: '/to', message }] } });
  const [first, last] = [new Date(from), new Date(to)];
  if (last < first) throw refuse('must not be before from');
  const ofDays = template?.parameters.some(({ name }) => name === 'date');
  const month = ofDays ? undefined : template?.parameters.find(({ type }) => type === 'month')?.name;
  const count =
    month === undefined
      ? (last.getTime() - first.getTime()) / DAY + 1
      : (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth() + 1;
  const most = DEFAULT_LIMITS.backfillDates;
  if (count > most) throw refuse(`makes ${count} ${month === undefined ? 'dates' : 'months'}; at most ${most} go at once`);
  return Array.from({ length: count }, (_, i) => {
    if (month === undefined) return { date: dayOf(first.getTime() + i * DAY) };
    const date = dayOf(new Date(`${from.slice(0, 7)}-01`).setUTCMonth(first.getUTCMonth() + i));
    return { date, [month]: date.slice(0, 7) };
  });
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
