import type { ParameterValue, Variables } from '@convergence/pipelines';
import type { Requested } from './announcer.ts';

/** Everything that `{name}` and `@name` can mean in this run, but for the outputs of its steps. */
export function runVariables(
  run: Requested,
  parameters: Readonly<Record<string, ParameterValue>>,
  dataset: string,
  environment: string,
): Variables {
  const admitted = Date.parse(run.admitted_at);
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const date = typeof parameters.date === 'string' ? parameters.date : (run.run_date ?? day(admitted - 86_400_000));
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
    today: day(admitted),
    yesterday: day(admitted - 86_400_000),
    month: date.slice(0, 7),
    ...parameters,
  };
}
