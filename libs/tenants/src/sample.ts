/** Tenants, runs and times for tests: a STARTER tenant `acme` onboarded on 15 January 2026 at 10:00 UTC. */
import type { Plan, RunSpec } from '@convergence/contracts';
import { apply } from './apply.ts';
import { decide } from './decide.ts';
import type { IssuedKey, TenantEvent } from './events.ts';
import type { Onboard } from './onboarding.ts';
import { initialState } from './state.ts';

export const TENANTS = { initial: initialState, decide, apply };
export const AT = '2026-01-15T10:00:00.000Z';

export const sampleKey = (n: number, over: Partial<IssuedKey> = {}): IssuedKey => ({
  api_key_id: `key-${n}`,
  api_key_hash: String(n).padStart(64, '0'),
  sealed: `sealed-${n}`,
  key_name: null,
  scopes: ['pipelines:read', 'pipelines:execute', 'tenant:read', 'tenant:write'],
  expires_at: null,
  ...over,
});

export const onboarded = (tenant_id = 'acme', plan_name: Plan = 'STARTER', key = 1): TenantEvent => ({
  type: 'tenant_onboarded',
  tenant_id,
  company_name: 'Acme Inc',
  admin_email: 'admin@acme.test',
  plan_name,
  subscription_id: `sub-${tenant_id}`,
  stripe_customer_id: null,
  stripe_subscription_id: null,
  stripe_updated_at: null,
  api_key: sampleKey(key),
  request_hash: 'request-1',
  run_dryrun: true,
  usage_date: '2026-01-15',
});

export const onboard = (over: Partial<Onboard> = {}): Onboard => ({
  kind: 'onboard',
  tenant_id: 'acme',
  company_name: 'Acme Inc',
  admin_email: 'admin@acme.test',
  plan_name: 'STARTER',
  run_dryrun: true,
  request_hash: 'request-1',
  subscription_id: 'sub-2',
  api_key: sampleKey(2),
  by: 'anyone',
  ...over,
});

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
export const admitted = (n: number, at = AT, over: Partial<RunSpec> = {}): TenantEvent => {
  const run = sampleRun(n, over);
  return { type: 'run_admitted', tenant_id: run.tenant_id, run, admitted_at: at, usage_date: at.slice(0, 10), counted: true };
};
export const ended = (n: number, outcome: 'succeeded' | 'failed' | 'cancelled' | 'refunded' = 'succeeded', at = AT): TenantEvent => ({
  type: 'run_ended',
  tenant_id: 'acme',
  run_id: runIdOf(n),
  ended_at: at,
  outcome,
});
