import type { RunContextResponse, RunError } from '@convergence/contracts';
import { resolveDeep, SQL_KEYS, type StepSpec, type Template, type Variables } from '@convergence/pipelines';
import type { StepContext, StepOutcome } from '@convergence/steps';
import type { Requested } from './announcer.ts';
import type { ExecutionTools } from './execution-tools.ts';
import { openCredential, sealedOf } from './run-context.ts';

export interface StepAtHand {
  readonly run: Requested;
  readonly template: Template;
  readonly tenant: RunContextResponse;
  readonly variables: Variables;
  readonly step: StepSpec;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly outcomes: ReadonlyMap<string, StepOutcome>;
  readonly mayBeDone: boolean;
  readonly failure: RunError | null;
}

/** All that a step sees. Its configuration is resolved now: it may name what earlier steps put out. Credentials open when it asks. */
export function stepContext(tools: ExecutionTools, at: StepAtHand): StepContext {
  const { run, tenant, step, outcomes } = at;
  const variables: Record<string, Variables[string]> = { ...at.variables };
  for (const [id, outcome] of outcomes)
    for (const [name, value] of Object.entries(outcome.outputs)) variables[`steps.${id}.${name}`] = value;
  const credential = (provider: string) => openCredential(tenant, provider, tools.keys);
  return {
    run,
    tenant,
    template: at.template,
    step,
    config: resolveDeep(step.with, variables, (key) => SQL_KEYS.has(key)),
    variables,
    attempt: at.attempt,
    mayBeDone: at.mayBeDone,
    failure: at.failure,
    clock: tools.clock,
    signal: at.signal,
    log: tools.log.child({ run_id: run.run_id, tenant_id: run.tenant_id, step: step.id }),
    warehouse: tools.warehouse,
    location: tools.location,
    warehouseOf: tools.warehouseOf,
    credential,
    openSealed: sealedOf(tenant.tenant_id, tools.keys),
    objectStore: (uri) => tools.objectStore(uri, { tenantId: run.tenant_id, credential }),
    provenLately: (what, prove) => tools.lately.proven(run.tenant_id, what, prove),
    outcomeOf: (id) => outcomes.get(id),
    messenger: tools.messenger,
    crashPoint: (point) => tools.crashPoint(step.type, point, run.tenant_id),
    fetch: tools.fetch,
  };
}
