import type { ParameterValue, Variables } from '@convergence/pipelines';
import type { RunRecord } from '@convergence/runs';
import type { Requested } from './announcer.ts';

/** Everything that `{name}` and `@name` can mean in this run, but for the outputs of its steps. */
export function runVariables(
  run: Requested,
  askedAt: number,
  parameters: Readonly<Record<string, ParameterValue>>,
  dataset: string,
  environment: string,
): Variables {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const date = typeof parameters.date === 'string' ? parameters.date : (run.run_date ?? day(askedAt - 86_400_000));
  return {
    tenant_id: run.tenant_id,
    provider: run.provider,
    domain: run.domain,
    template_name: run.template,
    pipeline_id: run.pipeline_id,
    run_id: run.run_id,
    trigger_by: run.trigger_by,
    environment,
    dataset,
    date,
    today: day(askedAt),
    yesterday: day(askedAt - 86_400_000),
    month: date.slice(0, 7),
    ...parameters,
  };
}

const LONGEST_CHAIN = 100;

/** The moment by which {today} goes; of a retry, that of the run that it retries. */
export async function askedAt(run: Requested, recordOf: (runId: string) => Promise<RunRecord | undefined>): Promise<number> {
  let at = run.as_of ?? run.admitted_at;
  let before = run.as_of === undefined ? run.retry_of : null;
  for (let i = 0; before !== null && i < LONGEST_CHAIN; i++) {
    const record = await recordOf(before);
    if (!record) break;
    at = record.spec?.as_of ?? record.admitted_at;
    before = record.spec?.retry_of ?? null;
  }
  return Date.parse(at);
}
