/** Tenants, what happened to their runs, and times for tests: a STARTER tenant `acme` onboarded on 15 January 2026 at 10:00 UTC. */
import type { Plan, RunSpec } from '@convergence/contracts';
import { runIdOf, sampleRun } from '@convergence/testing';
import { apply } from '../apply.ts';
import { decide } from '../decide.ts';
import type { IssuedKey, TenantEvent } from '../events.ts';
import type { Onboard } from '../onboarding.ts';
import { initialState } from '../state.ts';

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
