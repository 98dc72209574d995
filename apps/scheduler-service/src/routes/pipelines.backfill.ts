import { randomUUID } from 'node:crypto';
import { pipelinesBackfill, Refusal, type TenantId } from '@convergence/contracts';
import { attemptId, DEFAULT_LIMITS, pipelineIdOf } from '@convergence/schedules';
import { route } from '@convergence/service';
import { checkTemplate } from '../check-schedule.ts';
import type { Scheduler } from '../scheduler.ts';

const DAY = 86_400_000;

/** One run per date, in a lane of its own behind all live work. */
export const pipelinesBackfillRoute = ({
  slice,
  clock,
  templates,
  dispatcher,
}: Pick<Scheduler, 'slice' | 'clock' | 'templates' | 'dispatcher'>) =>
  route(pipelinesBackfill, async ({ params, body, principal }) => {
    const { tenant_id, provider, domain, template } = params;
    const { from, to, max_concurrent = 1, parameters = {} } = body;
    const dates = datesOf(from, to);
    const named = { provider: provider.toUpperCase(), domain: domain.toUpperCase(), pipeline_template: template.toLowerCase() };
    const every = { ...named, parameters: { ...parameters, date: from }, timezone: 'UTC' };
    const { ref } = checkTemplate(templates, tenant_id as TenantId, every, clock.now());
    const backfill_id = randomUUID();
    const runs = await slice.execute<readonly { readonly run_id: string; readonly date: string }[]>(
      {
        type: 'request-backfill',
        backfill_id,
        tenant_id,
        ...named,
        dates: dates.map((date) => ({ date, parameters: { ...parameters, date } })),
        max_concurrent,
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

function datesOf(from: string, to: string): readonly string[] {
  const refuse = (path: string, message: string) =>
    new Refusal('request.invalid', `${path.slice(1)} ${message}.`, { fields: { errors: [{ path, message }] } });
  const days = (Date.parse(to) - Date.parse(from)) / DAY + 1;
  if (days < 1) throw refuse('/to', 'must not be before from');
  if (days > DEFAULT_LIMITS.backfillDates) throw refuse('/to', `makes ${days} dates; at most ${DEFAULT_LIMITS.backfillDates} go at once`);
  return Array.from({ length: days }, (_, i) => new Date(Date.parse(from) + i * DAY).toISOString().slice(0, 10));
}
