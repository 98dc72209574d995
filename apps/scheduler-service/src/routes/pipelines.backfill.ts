import { randomUUID } from 'node:crypto';
import { pipelinesBackfill, Refusal, type TenantId } from '@convergence/contracts';
import type { Template } from '@convergence/pipelines';
import { attemptId, DEFAULT_LIMITS, pipelineIdOf } from '@convergence/schedules';
import { route } from '@convergence/service';
import { checkTemplate } from '../check-schedule.ts';
import { refOf } from '../run-spec.ts';
import type { Scheduler } from '../scheduler.ts';

const DAY = 86_400_000;

/** One run per date, or per month where the template is of months, in a lane of its own behind all live work. */
export const pipelinesBackfillRoute = ({
  slice,
  clock,
  templates,
  dispatcher,
}: Pick<Scheduler, 'slice' | 'clock' | 'templates' | 'dispatcher'>) =>
  route(pipelinesBackfill, async ({ params, body, principal }) => {
    const { tenant_id, provider, domain, template } = params;
    const { from, to, max_concurrent = 1, parameters = {}, trigger_by } = body;
    const days = daysOf(from, to);
    const named = { provider: provider.toUpperCase(), domain: domain.toUpperCase(), pipeline_template: template.toLowerCase() };
    const dates = runsOf(templates.find(refOf(named), tenant_id), days);
    const every = { ...named, parameters: { ...parameters, ...dates[0] }, timezone: 'UTC' };
    const { ref } = checkTemplate(templates, tenant_id as TenantId, every, clock.now());
    const backfill_id = randomUUID();
    const runs = await slice.execute<readonly { readonly run_id: string; readonly date: string }[]>(
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
    return {
      body: {
        backfill_id,
        tenant_id,
        pipeline_id: pipelineIdOf({ ...named, tenant_id, pipeline_template: ref.template }),
        max_concurrent,
        queued_count: runs.length,
        // The run of the first attempt: what GET /pipelines/runs/{id} and why take.
        runs: runs.map(({ run_id, date }) => ({ run_id: attemptId(run_id, 0), date })),
        message: `Queued ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}, ${max_concurrent} at a time, behind live work.`,
      },
    };
  });

/** A template that says nothing of days but has a month runs once for each month that the range touches. */
function runsOf(
  template: Template | undefined,
  days: readonly string[],
): readonly { readonly date: string; readonly [month: string]: string }[] {
  const month = template?.parameters.find(({ type }) => type === 'month');
  if (!month || template?.parameters.some(({ name }) => name === 'date')) return days.map((date) => ({ date }));
  return [...new Set(days.map((day) => day.slice(0, 7)))].map((value) => ({ date: `${value}-01`, [month.name]: value }));
}

function daysOf(from: string, to: string): readonly string[] {
  const refuse = (path: string, message: string) =>
    new Refusal('request.invalid', `${path.slice(1)} ${message}.`, { fields: { errors: [{ path, message }] } });
  const days = (Date.parse(to) - Date.parse(from)) / DAY + 1;
  if (days < 1) throw refuse('/to', 'must not be before from');
  if (days > DEFAULT_LIMITS.backfillDates) throw refuse('/to', `makes ${days} dates; at most ${DEFAULT_LIMITS.backfillDates} go at once`);
  return Array.from({ length: days }, (_, i) => new Date(Date.parse(from) + i * DAY).toISOString().slice(0, 10));
}
