import type { RunSpec, TenantId } from '@convergence/contracts';

export interface RunRequest {
  readonly tenantId: TenantId;
  readonly provider: string;
  readonly domain: string;
  readonly template: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly now: number;
}
/** The part of a run's specification that its template decides: names in their one spelling, parameters complete and checked. */
export type ResolvedRun = Pick<RunSpec, 'pipeline_id' | 'provider' | 'domain' | 'template' | 'parameters' | 'parameters_hash' | 'run_date'>;

/** What can be run. Refuses an unknown template with the nearest names, and parameters that do not fit with every error. */
export interface Templates {
  resolve(request: RunRequest): ResolvedRun;
}
