/**
 * The dry run that ends an onboarding: a run like any other, except that it uses up nothing of the plan.
 * 1. One at a time a tenant: a repeat while it is live waits for the same run. 2. How it went is what run-completed said; nobody guesses.
 */
import { randomUUID } from 'node:crypto';
import { type DryrunStatus, pipelineId, type RunSpec } from '@convergence/contracts';
import { parametersHash } from '@convergence/pipelines';
import type { Clock } from '@convergence/ports';
import { isLive, type Tenant, utcDate } from '@convergence/tenants';
import type { RunEnds } from '../run-ends.ts';
import { execute, ITSELF, type TenantsSlice } from '../tenants-slice.ts';

const TEMPLATE = { provider: 'gcp', domain: 'example', template: 'dryrun' } as const;

export interface DryRunTools {
  readonly slice: TenantsSlice;
  readonly runEnds: RunEnds;
  readonly clock: Clock;
}
export interface DryRunAnswer {
  readonly status: DryrunStatus;
  readonly run_id: string | null;
}

export async function dryRun(
  tenant: Tenant,
  { slice, runEnds, clock }: DryRunTools,
  waitMs: number,
  signal?: AbortSignal,
): Promise<DryRunAnswer> {
  const runId = await started(tenant, slice, clock.now());
  if (runId === undefined) return noted(tenant);
  const end = runEnds.wait(runId, waitMs, signal);
  if (isLive(slice.state.admissions.get(runId))) await end;
  else runEnds.tell(runId);
  return noted(tenant);
}

const noted = ({ onboarding }: Tenant): DryRunAnswer => ({ status: onboarding.dryrun_status, run_id: onboarding.dryrun_run_id });

/** Id of the live dry run; undefined when admission said no. */
async function started(tenant: Tenant, slice: TenantsSlice, now: number): Promise<string | undefined> {
  const before = tenant.onboarding.dryrun_run_id;
  if (before && isLive(slice.state.admissions.get(before))) return before;
  const decision = await execute(slice, { kind: 'admit', run: runOf(tenant, now), house: true }, { actor: ITSELF });
  switch (decision.outcome) {
    case 'admitted':
      return decision.run_id;
    case 'existing':
      await execute(
        slice,
        { kind: 'note-dryrun', tenant_id: tenant.tenant_id, status: 'PENDING', run_id: decision.existing_run_id },
        { actor: ITSELF },
      );
      return decision.existing_run_id;
    case 'refused':
      await execute(slice, { kind: 'note-dryrun', tenant_id: tenant.tenant_id, status: 'SKIPPED', run_id: null }, { actor: ITSELF });
      return undefined;
    default:
      return decision satisfies never;
  }
}

function runOf(tenant: Tenant, now: number): RunSpec {
  const date = utcDate(now);
  const parameters = { date };
  return {
    run_id: randomUUID(),
    tenant_id: tenant.tenant_id,
    pipeline_id: pipelineId(tenant.tenant_id, TEMPLATE),
    ...TEMPLATE,
    parameters,
    parameters_hash: parametersHash(parameters),
    run_date: date,
    trigger_type: 'onboarding',
    trigger_by: 'onboarding_api',
    user_id: null,
    lane: 'live',
    scheduled_run_id: null,
    retry_of: null,
    retry_from: null,
  };
}
