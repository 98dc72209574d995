import type { RunSpec } from '@convergence/contracts';

export const runIdOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
/** Run n: a run of its own kind unless `over` says otherwise. */
export const sampleRun = (n: number, over: Partial<RunSpec> = {}): RunSpec => ({
  run_id: runIdOf(n),
  tenant_id: 'acme',
  pipeline_id: 'acme-gcp-cost-billing_cost',
  provider: 'gcp',
  domain: 'cost',
  template: 'billing_cost',
  parameters: { n },
  parameters_hash: `parameters-hash-${n}`,
  run_date: null,
  trigger_type: 'api',
  trigger_by: null,
  user_id: null,
  lane: 'live',
  scheduled_run_id: null,
  retry_of: null,
  retry_from: null,
  ...over,
});
