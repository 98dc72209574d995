import type { AdmissionDecision, RunSpec } from '@convergence/contracts';
import { given, runIdOf, sampleRun } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import type { TenantEvent } from './events.ts';
import { gatesOf } from './gates.ts';
import type { Tenant, TenantsState } from './state.ts';
import { AT, admitted, ended, onboarded, TENANTS } from './testing/sample.ts';

const STANDING = { status: 'ACTIVE', plan: 'STARTER' } as const;
const acme = (state: TenantsState) => state.tenants.get('acme' as Tenant['tenant_id'])!;
const decided = (events: readonly TenantEvent[], run: RunSpec, at = AT): AdmissionDecision => {
  const { decision } = given(TENANTS, events).when({ kind: 'admit', run }, at);
  if (!('reply' in decision)) throw new Error('an admission is never a refusal of the command');
  return decision.reply as AdmissionDecision;
};
const refusedWith = (decision: AdmissionDecision) => (decision.outcome === 'refused' ? decision.detail : decision.outcome);
const limits = (change: Record<string, unknown>): TenantEvent => ({
  type: 'subscription_changed',
  tenant_id: 'acme',
  subscription: change,
  standing: STANDING,
});
const finished = (from: number, to: number, at = AT): TenantEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => [admitted(from + i, at), ended(from + i, 'succeeded', at)]).flat();

describe('admission', () => {
  test('reserves when everything allows it, and counts the run at once', () => {
    const { state } = given(TENANTS, [onboarded()])
      .when({ kind: 'admit', run: sampleRun(1) })
      .thenReply({ run_id: runIdOf(1), outcome: 'admitted', admitted_at: AT });
    expect(acme(state).live.size).toBe(1);
    expect(acme(state).days[0]).toMatchObject({ run: 1, month_run: 1, peak: 1 });
  });

  test('a plan with limit 1 can run one: a reservation is not counted against itself', () => {
    const one = limits({ max_pipelines_per_day: 1, max_concurrent_pipelines: 1, max_pipelines_per_month: 1 });
    expect(decided([onboarded(), one], sampleRun(1)).outcome).toBe('admitted');
    expect(refusedWith(decided([onboarded(), one, admitted(1)], sampleRun(2)))).toBe(
      'Daily pipeline quota exceeded. Used 1/1 pipelines today.',
    );
  });

  test('refuses the run after the daily limit, with the text and the time of the reset', () => {
    const decision = decided([onboarded(), ...finished(1, 6)], sampleRun(7));
    expect(decision).toEqual({
      run_id: runIdOf(7),
      outcome: 'refused',
      code: 'quota.daily_exceeded',
      detail: 'Daily pipeline quota exceeded. Used 6/6 pipelines today.',
      fields: { tenant_id: 'acme', customer_id: 'acme', quota_reset_time: '2026-01-16T00:00:00Z', used: 6, limit: 6 },
      retry_at: '2026-01-16T00:00:00Z',
    });
  });

  test('refuses beyond the monthly limit, with the first of next month', () => {
    const decision = decided([onboarded(), limits({ max_pipelines_per_month: 2 }), ...finished(1, 2)], sampleRun(3));
    expect(decision).toMatchObject({
      code: 'quota.monthly_exceeded',
      detail: 'Monthly pipeline quota exceeded. Used 2/2 pipelines this month.',
      fields: { quota_reset_date: '2026-02-01' },
      retry_at: '2026-02-01T00:00:00Z',
    });
  });

  test('refuses beyond the concurrent limit; nobody can say when a slot frees', () => {
    const decision = decided([onboarded(), admitted(1), admitted(2), admitted(3)], sampleRun(4));
    expect(decision).toMatchObject({
      code: 'quota.concurrent_exceeded',
      detail: 'Concurrent pipeline limit reached. 3/3 pipelines currently running.',
      retry_at: null,
    });
  });

  test('a slot is free the moment a run ended', () => {
    expect(decided([onboarded(), admitted(1), admitted(2), admitted(3), ended(2)], sampleRun(4)).outcome).toBe('admitted');
  });

  test.each([
    ['SUSPENDED', 'tenant.suspended', 'Account suspended'],
    ['CANCELLED', 'tenant.inactive', 'Tenant account is inactive'],
  ] as const)('refuses a tenant that is %s', (status, code, detail) => {
    const events = [onboarded(), { type: 'status_changed', tenant_id: 'acme', status, standing: STANDING } as const];
    expect(decided(events, sampleRun(1))).toMatchObject({ outcome: 'refused', code, detail });
  });

  test('refuses a subscription that is not active, and a tenant that is not there', () => {
    expect(decided([onboarded(), limits({ status: 'PAST_DUE' })], sampleRun(1))).toMatchObject({ code: 'subscription.inactive' });
    expect(decided([], sampleRun(1))).toMatchObject({ code: 'tenant.not_found' });
  });

  test('answers the live run when the same pipeline with the same parameters is live', () => {
    const again = sampleRun(2, { parameters_hash: 'parameters-hash-1' });
    expect(decided([onboarded(), admitted(1)], again)).toEqual({
      run_id: runIdOf(2),
      outcome: 'existing',
      existing_run_id: runIdOf(1),
      status: 'PENDING',
    });
    const started: TenantEvent = { type: 'run_started', tenant_id: 'acme', run_id: runIdOf(1), started_at: AT };
    expect(decided([onboarded(), admitted(1), started], again)).toMatchObject({ outcome: 'existing', status: 'RUNNING' });
  });

  test('another date is another run, and an ended run blocks nothing', () => {
    expect(decided([onboarded(), admitted(1)], sampleRun(2)).outcome).toBe('admitted');
    expect(decided([onboarded(), admitted(1), ended(1, 'failed')], sampleRun(2, { parameters_hash: 'parameters-hash-1' })).outcome).toBe(
      'admitted',
    );
  });

  test('an alias is the same pipeline as the template it names', () => {
    const byAlias = sampleRun(2, { parameters_hash: 'parameters-hash-1', pipeline_id: 'acme-gcp-cost-billing' });
    expect(decided([onboarded(), admitted(1)], byAlias)).toMatchObject({ outcome: 'existing', existing_run_id: runIdOf(1) });
  });

  test('two tenants with the same pipeline do not block each other', () => {
    const other = sampleRun(2, { tenant_id: 'globex', parameters_hash: 'parameters-hash-1' });
    expect(decided([onboarded(), onboarded('globex', 'STARTER', 2), admitted(1)], other).outcome).toBe('admitted');
  });

  test('the existing run is told even at the limit, so a double click never reads as quota exceeded', () => {
    const events = [onboarded(), limits({ max_pipelines_per_day: 1 }), admitted(1)];
    expect(decided(events, sampleRun(2, { parameters_hash: 'parameters-hash-1' })).outcome).toBe('existing');
  });

  test('asking again for an admitted run answers the same and reserves nothing', () => {
    given(TENANTS, [onboarded(), admitted(1)])
      .when({ kind: 'admit', run: sampleRun(1) }, '2026-01-15T11:00:00.000Z')
      .thenReply({ run_id: runIdOf(1), outcome: 'admitted', admitted_at: AT })
      .when({ kind: 'admit', run: sampleRun(1) })
      .thenEvents([]);
    expect(decided([onboarded(), admitted(1), ended(1)], sampleRun(1)).outcome).toBe('admitted');
  });

  test('a run id that was used for another tenant is refused', () => {
    const stolen = sampleRun(1, { tenant_id: 'globex' });
    expect(decided([onboarded(), onboarded('globex', 'STARTER', 2), admitted(1)], stolen)).toMatchObject({ code: 'request.invalid' });
  });

  test("the house's own dry run uses up nothing and is not stopped by limits", () => {
    const { state } = given(TENANTS, [onboarded(), limits({ max_pipelines_per_day: 0, max_concurrent_pipelines: 0 })])
      .when({ kind: 'admit', run: sampleRun(1, { trigger_type: 'onboarding' }), house: true })
      .thenReply({ run_id: runIdOf(1), outcome: 'admitted', admitted_at: AT });
    expect(acme(state).live.size).toBe(0);
    expect(acme(state).days[0]).toMatchObject({ run: 0, month_run: 0 });
    expect(acme(state).onboarding).toMatchObject({ dryrun_run_id: runIdOf(1), dryrun_status: 'PENDING' });
  });

  test('a caller can not get a free run by calling it onboarding', () => {
    const { state } = given(TENANTS, [onboarded()])
      .when({ kind: 'admit', run: sampleRun(1, { trigger_type: 'onboarding' }) })
      .thenReply({ run_id: runIdOf(1), outcome: 'admitted', admitted_at: AT });
    expect(acme(state).live.size).toBe(1);
  });
});

describe('the end of a reservation', () => {
  const end = (n: number, status: 'COMPLETE' | 'FAILED' | 'CANCELLED', did_work: boolean, at = AT) =>
    ({ kind: 'end-run', run_id: runIdOf(n), status, did_work, ended_at: at }) as const;

  test.each([
    ['COMPLETE', true, 'succeeded', { run: 1, succeeded: 1, failed: 0, cancelled: 0, month_run: 1 }],
    ['COMPLETE', false, 'succeeded', { run: 1, succeeded: 1, failed: 0, cancelled: 0, month_run: 1 }],
    ['FAILED', true, 'failed', { run: 1, succeeded: 0, failed: 1, cancelled: 0, month_run: 1 }],
    ['CANCELLED', true, 'cancelled', { run: 1, succeeded: 0, failed: 0, cancelled: 1, month_run: 1 }],
    ['FAILED', false, 'refunded', { run: 0, succeeded: 0, failed: 0, cancelled: 0, month_run: 0 }],
    ['CANCELLED', false, 'refunded', { run: 0, succeeded: 0, failed: 0, cancelled: 0, month_run: 0 }],
  ] as const)('%s with work done: %s is %s', (status, did_work, outcome, day) => {
    const { state } = given(TENANTS, [onboarded(), admitted(1)])
      .when(end(1, status, did_work))
      .thenEvents([ended(1, outcome)]);
    expect(acme(state).days[0]).toMatchObject(day);
    expect(acme(state).live.size).toBe(0);
  });

  test('a second end, whoever says it, releases nothing twice', () => {
    const { state } = given(TENANTS, [onboarded(), admitted(1), admitted(2)])
      .when(end(1, 'FAILED', false))
      .thenReply({ settled: true })
      .when(end(1, 'COMPLETE', true))
      .thenReply({ settled: false });
    expect(acme(state).days[0]).toMatchObject({ run: 1, succeeded: 0, failed: 0 });
    expect(acme(state).live.size).toBe(1);
  });

  test('the end of a run that nobody knows changes nothing', () => {
    given(TENANTS, [onboarded()])
      .when(end(9, 'COMPLETE', true))
      .thenEvents([]);
  });

  test('an end in the future is an end now', () => {
    given(TENANTS, [onboarded(), admitted(1)])
      .when(end(1, 'COMPLETE', true, '2031-01-01T00:00:00.000Z'))
      .thenEvents([ended(1)]);
  });
});

describe('midnight', () => {
  const LATE = '2026-01-15T23:59:00.000Z';
  const NEXT = '2026-01-16T00:10:00.000Z';

  test('a run that crosses it counts on the day it began and stays counted as running', () => {
    const { state, when } = given(TENANTS, [onboarded(), admitted(1, LATE)]);
    when({ kind: 'reset-quotas' }, NEXT).thenReply({ records_updated: 1, usage_date: '2026-01-16' });
    expect(acme(state).days.map((day) => [day.usage_date, day.run, day.peak])).toEqual([
      ['2026-01-16', 0, 1],
      ['2026-01-15', 1, 1],
    ]);
    when({ kind: 'end-run', run_id: runIdOf(1), status: 'COMPLETE', did_work: true, ended_at: NEXT }, NEXT).thenReply({ settled: true });
    expect(acme(state).days.map((day) => [day.run, day.succeeded])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(acme(state).live.size).toBe(0);
  });

  test('a refund after it goes back to the day and the month it was taken from', () => {
    const { state, when } = given(TENANTS, [onboarded(), admitted(1, LATE), admitted(2, NEXT)]);
    when({ kind: 'end-run', run_id: runIdOf(1), status: 'FAILED', did_work: false, ended_at: NEXT }, NEXT).thenReply({ settled: true });
    expect(acme(state).days.map((day) => [day.usage_date, day.run, day.month_run])).toEqual([
      ['2026-01-16', 1, 1],
      ['2026-01-15', 0, 0],
    ]);
  });

  test('a refund of the old month takes nothing from the new one', () => {
    const lastDay = '2026-01-31T23:59:00.000Z';
    const firstDay = '2026-02-01T00:01:00.000Z';
    const { state, when } = given(TENANTS, [onboarded(), admitted(1, lastDay), admitted(2, firstDay)]);
    when({ kind: 'end-run', run_id: runIdOf(1), status: 'FAILED', did_work: false, ended_at: firstDay }, firstDay);
    expect(acme(state).days[0]).toMatchObject({ usage_date: '2026-02-01', run: 1, month_run: 1 });
  });

  test('the month goes on from day to day', () => {
    const events = [onboarded(), ...finished(1, 3), ...finished(4, 5, NEXT)];
    expect(acme(given(TENANTS, events).state).days[0]).toMatchObject({ usage_date: '2026-01-16', run: 2, month_run: 5 });
  });

  test('the first admission of a day opens it, however late the reset comes', () => {
    expect(decided([onboarded(), ...finished(1, 6)], sampleRun(7), NEXT).outcome).toBe('admitted');
  });

  test('a clock that steps back over midnight opens no second yesterday', () => {
    const events = [onboarded(), ...finished(1, 6), ...finished(7, 12, NEXT)];
    expect(refusedWith(decided(events, sampleRun(13), LATE))).toBe('Daily pipeline quota exceeded. Used 6/6 pipelines today.');
  });
});

describe('leases', () => {
  const HOUR_LATER = '2026-01-15T11:00:00.000Z';
  const sweep = { kind: 'sweep-orphans', older_than_minutes: 60 } as const;
  const started: TenantEvent = { type: 'run_started', tenant_id: 'acme', run_id: runIdOf(1), started_at: AT };

  test('a run without a heartbeat for an hour is lost: failed, its slot free', () => {
    const { state } = given(TENANTS, [onboarded(), admitted(1), started])
      .when(sweep, HOUR_LATER)
      .thenReply({
        runs: [{ run_id: runIdOf(1), tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-billing_cost', last_heartbeat_at: AT }],
      });
    expect(acme(state).live.size).toBe(0);
    expect(acme(state).days[0]).toMatchObject({ run: 1, failed: 1 });
  });

  test('one that never started is refunded', () => {
    const { state } = given(TENANTS, [onboarded(), admitted(1)])
      .when(sweep, HOUR_LATER)
      .thenReply({
        runs: [{ run_id: runIdOf(1), tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-billing_cost', last_heartbeat_at: null }],
      });
    expect(acme(state).days[0]).toMatchObject({ run: 0, month_run: 0 });
  });

  test('of very many some are declared lost with each command, until none is left', () => {
    const state = TENANTS.initial();
    for (const event of [onboarded(), ...Array.from({ length: 2500 }, (_, n) => admitted(n))]) TENANTS.apply(state, event, { at: AT });
    const swept = Array.from({ length: 4 }, () => {
      const decision = TENANTS.decide(state, sweep, { now: Date.parse(HOUR_LATER) });
      const events = 'events' in decision ? decision.events : [];
      for (const event of events) TENANTS.apply(state, event, { at: HOUR_LATER });
      return events.length;
    });
    expect(swept).toEqual([1000, 1000, 500, 0]);
    expect(acme(state).live.size).toBe(0);
  });

  test('heartbeats keep it alive', () => {
    given(TENANTS, [onboarded(), admitted(1), started])
      .when({ kind: 'note-heartbeats', run_ids: [runIdOf(1), runIdOf(99)], at: '2026-01-15T10:30:00.000Z' }, '2026-01-15T10:30:01.000Z')
      .thenEvents([{ type: 'heartbeats_noted', at: '2026-01-15T10:30:00.000Z', run_ids: [runIdOf(1)] }])
      .when(sweep, HOUR_LATER)
      .thenReply({ runs: [] });
  });

  test('a heartbeat from the future does not make a run immortal', () => {
    given(TENANTS, [onboarded(), admitted(1), started])
      .when({ kind: 'note-heartbeats', run_ids: [runIdOf(1)], at: '2036-01-01T00:00:00.000Z' }, '2026-01-15T10:01:00.000Z')
      .thenEvents([{ type: 'heartbeats_noted', at: '2026-01-15T10:01:00.000Z', run_ids: [runIdOf(1)] }]);
  });

  test.each([
    ['the future does not make a run immortal', '2036-01-01T00:00:00.000Z', '2026-01-15T10:01:00.000Z'],
    ['the past does not make a run lost before it began', '2026-01-14T00:00:00.000Z', AT],
  ])('a start from %s', (_, started_at, counts) => {
    given(TENANTS, [onboarded(), admitted(1)])
      .when({ kind: 'start-run', run_id: runIdOf(1), started_at }, '2026-01-15T10:01:00.000Z')
      .thenEvents([{ type: 'run_started', tenant_id: 'acme', run_id: runIdOf(1), started_at: counts }]);
  });

  test('a heartbeat right after another is not worth a row', () => {
    given(TENANTS, [onboarded(), admitted(1), started])
      .when({ kind: 'note-heartbeats', run_ids: [runIdOf(1)], at: '2026-01-15T10:00:10.000Z' }, '2026-01-15T10:00:10.000Z')
      .thenEvents([]);
  });

  test('the worker of a lost run that finishes after all releases nothing again and is not believed', () => {
    const { state, when } = given(TENANTS, [onboarded(), admitted(1), started]);
    when(sweep, HOUR_LATER).thenReply({
      runs: [{ run_id: runIdOf(1), tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-billing_cost', last_heartbeat_at: AT }],
    });
    when({ kind: 'end-run', run_id: runIdOf(1), status: 'COMPLETE', did_work: true, ended_at: HOUR_LATER }, HOUR_LATER).thenReply({
      settled: false,
    });
    expect(acme(state).days[0]).toMatchObject({ run: 1, failed: 1, succeeded: 0 });
  });
});

describe('why', () => {
  test('every gate says value, limit, since and when', () => {
    const { state } = given(TENANTS, [onboarded(), admitted(1), admitted(2), admitted(3), ended(1)]);
    const gates = gatesOf(state, acme(state), sampleRun(9, { parameters_hash: 'parameters-hash-2' }), Date.parse(AT));
    expect(gates.map((gate) => [gate.gate, gate.state, gate.value, gate.limit])).toEqual([
      ['tenant_status', 'open', 'ACTIVE', 'ACTIVE'],
      ['subscription_status', 'open', 'ACTIVE', 'ACTIVE'],
      ['same_pipeline', 'closed', runIdOf(2), null],
      ['daily_quota', 'open', 3, 6],
      ['monthly_quota', 'open', 3, 180],
      ['concurrency', 'open', 2, 3],
    ]);
  });

  test('a closed daily gate opens at midnight', () => {
    const { state } = given(TENANTS, [onboarded(), ...finished(1, 6)]);
    expect(gatesOf(state, acme(state), undefined, Date.parse(AT))[3]).toMatchObject({
      state: 'closed',
      expected: '2026-01-16T00:00:00Z',
      since: AT,
    });
  });
});
