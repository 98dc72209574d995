import type { AdmitResponse, OnboardAnswer, TenantId } from '@convergence/contracts';
import { sampleRun } from '@convergence/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hashOf } from './api-key-text.ts';
import { ANYONE, acmeBody, ownerOf, startTenants, type TenantsUnderTest } from './testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
let service: TenantsUnderTest;
beforeEach(async () => {
  service = await startTenants();
});
afterEach(() => service.close());

const onboard = (over = {}, as = ANYONE) => service.ask<OnboardAnswer>('POST', '/tenants/onboard', { as, body: acmeBody(over) });
const lookup = (key: string) => service.ask<Any>('POST', '/internal/api-keys/lookup', { body: { api_key_hash: hashOf(key) } });
let run = 0;
const spec = (over = {}) => sampleRun(++run, { tenant_id: 'acme_corp', pipeline_id: 'acme_corp-gcp-cost-billing_cost', ...over });
const admit = (runs: Any[]) => service.ask<AdmitResponse>('POST', '/internal/admissions', { body: { runs } });
const published = (topic: string) =>
  service.bus.published.filter((message) => message.topic === topic).map((message) => message.event.data as Any);

describe('onboarding', () => {
  test('makes the tenant, its dataset with tables and views, and a key that works', async () => {
    const answer = await onboard({ subscription_plan: 'PROFESSIONAL', run_dryrun: false });
    expect(answer).toMatchObject({
      tenant_id: 'acme_corp',
      customer_id: 'acme_corp',
      subscription_plan: 'PROFESSIONAL',
      dataset_created: true,
      dryrun_status: 'SKIPPED',
    });
    expect(answer.tables_created).toEqual(expect.arrayContaining(['x_meta_pipeline_runs', 'x_meta_step_logs', 'x_meta_dq_results']));
    expect([...(service.warehouse.datasets.get('acme_corp')?.keys() ?? [])].sort()).toEqual([...answer.tables_created].sort());
    expect((await lookup(answer.api_key ?? '')).key).toMatchObject({ tenant_id: 'acme_corp', tenant_status: 'ACTIVE' });
    expect(published('tenant-changed')).toEqual([
      expect.objectContaining({ tenant_id: 'acme_corp', change: 'created', plan: 'PROFESSIONAL' }),
    ]);
  });

  test('admits the dry run for real and says PENDING until it ended', async () => {
    const answer = await onboard();
    expect(answer).toMatchObject({ dryrun_status: 'PENDING', dryrun_run_id: expect.any(String) });
    expect(published('run-requested')).toMatchObject([
      { run_id: answer.dryrun_run_id, trigger_type: 'onboarding', trigger_by: 'onboarding_api', template: 'dryrun', user_id: null },
    ]);
    expect(await service.ask<Any>('GET', '/tenants/acme_corp/quota')).toMatchObject({
      pipelines_run_today: 0,
      concurrent_pipelines_running: 0,
    });
  });

  test('waits for the dry run and reports how it went', async () => {
    await service.close();
    service = await startTenants({ DRYRUN_WAIT_SECONDS: '10' });
    const answer = onboard();
    while (published('run-requested').length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const requested = published('run-requested')[0];
    await ended(requested, 'COMPLETE');
    expect(await answer).toMatchObject({ dryrun_status: 'SUCCESS' });
    expect(await service.ask<Any>('GET', '/tenants/acme_corp')).toMatchObject({ dryrun_status: 'SUCCESS', dataset_created: true });
  });

  test('an existing tenant is refused to anyone, and its key goes on working', async () => {
    const { api_key } = await onboard({ run_dryrun: false });
    await expect(onboard({ run_dryrun: false })).rejects.toMatchObject({ code: 'tenant.exists' });
    expect((await lookup(api_key ?? '')).key).not.toBeNull();
  });

  test('the same request ten times at once is one tenant with one key that works', async () => {
    const create = service.warehouse.createDataset;
    Object.assign(service.warehouse, {
      createDataset: (...args: Parameters<typeof create>) => new Promise((resolve) => setTimeout(resolve, 200)).then(() => create(...args)),
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => onboard({ run_dryrun: false })));
    const keys = new Set(answers.map((answer) => answer.api_key));
    expect(keys.size).toBe(1);
    expect((await lookup([...keys][0] ?? '')).key).not.toBeNull();
  });

  test('a dataset that was there before is never taken over', async () => {
    await service.warehouse.createDataset('acme_corp', { location: 'US', description: 'of somebody else' });
    await expect(onboard()).rejects.toMatchObject({ code: 'tenant.exists' });
    await expect(onboard({ tenant_id: 'tenants' })).rejects.toMatchObject({ code: 'tenant.exists' });
    expect(service.slice().state.tenants.size).toBe(0);
  });

  test('while nobody can say whether the name is free, the answer is "not now" and nothing is begun', async () => {
    Object.assign(service.warehouse, { datasetExists: () => Promise.reject(new Error('connect ECONNREFUSED')) });
    await expect(onboard()).rejects.toMatchObject({ code: 'service.unavailable', message: 'BigQuery is not available.' });
    expect(service.slice().state.tenants.size).toBe(0);
  });

  test('upper case in the name is refused with a hint', async () => {
    const refused = await onboard({ tenant_id: 'Acme_Corp' }).catch((error: Any) => error);
    expect(refused).toMatchObject({ code: 'request.invalid' });
    expect(refused.fields.errors).toEqual([
      expect.objectContaining({ path: '/tenant_id', message: expect.stringContaining('upper case is not allowed') }),
    ]);
  });

  test('an administrator gets a further key, the own key goes on alone', async () => {
    const first = await onboard({ run_dryrun: false });
    const again = await onboard({ run_dryrun: false }, { kind: 'admin' });
    const own = await onboard({ run_dryrun: false }, ownerOf('acme_corp'));
    expect(again.api_key).not.toBe(first.api_key);
    expect(own.api_key).toBeNull();
    for (const key of [first.api_key, again.api_key]) expect((await lookup(key ?? '')).key).not.toBeNull();
  });

  test('the very command again gets an administrator the same key, anyone none once it was handed over', async () => {
    const by = (as: typeof ANYONE, command: string) =>
      service.ask<OnboardAnswer>('POST', '/tenants/onboard', {
        as,
        body: acmeBody({ run_dryrun: false }),
        headers: { 'x-command-id': command },
      });
    const first = await by(ANYONE, 'a');
    expect((await lookup(first.api_key ?? '')).key).not.toBeNull();
    expect(await by(ANYONE, 'a')).toEqual({ ...first, api_key: null, message: expect.stringContaining('no other was made') });
    const further = await by({ kind: 'admin' }, 'b');
    await service.restart();
    expect(await by({ kind: 'admin' }, 'b')).toEqual(further);
    expect((await lookup(further.api_key ?? '')).key).not.toBeNull();
    expect((await service.ask<Any>('GET', '/tenants/acme_corp/api-keys')).items).toHaveLength(2);
  });

  test('a crash after the first step is resumed: dataset and dry run follow by themselves', async () => {
    const create = service.warehouse.createDataset;
    Object.assign(service.warehouse, { createDataset: () => Promise.reject(new Error('crash')) });
    const answer = await onboard();
    expect(answer).toMatchObject({ dataset_created: false, dryrun_status: 'PENDING', tables_created: [] });
    Object.assign(service.warehouse, { createDataset: create });
    await service.restart();
    while (published('run-requested').length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await service.ask<Any>('GET', '/tenants/acme_corp')).toMatchObject({ dataset_created: true });
  });

  test('the welcome e-mail goes out once and carries no key', async () => {
    const { api_key } = await onboard({ run_dryrun: false });
    while ((await service.mails()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [mail] = await service.mails();
    expect(mail).toContain('To: admin@acme.test');
    expect(mail).not.toContain(api_key);
    await onboard({ run_dryrun: false }, { kind: 'admin' });
    expect(await service.mails()).toHaveLength(1);
  });

  test('the welcome e-mail goes out once, also when more is asked while the mail server takes its time', async () => {
    const { send } = service.mail;
    let go: (() => void) | undefined;
    const sent: string[] = [];
    Object.assign(service.mail, {
      send: async (mail: Parameters<typeof send>[0]) => {
        sent.push(mail.id);
        await new Promise<void>((resolve) => (go = resolve));
        await send(mail);
      },
    });
    await onboard({ run_dryrun: false });
    await onboard({ run_dryrun: false }, { kind: 'admin' });
    await onboard({ run_dryrun: false, company_name: 'Acme Ltd' }, { kind: 'admin' });
    go?.();
    while ((await service.mails()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(sent).toEqual(['welcome/acme_corp/']);
  });

  test('a mail server that does not answer does not keep the service from leaving; the e-mail is sent after the next start', async () => {
    const { send, close } = service.mail;
    let leave: ((cause: Error) => void) | undefined;
    Object.assign(service.mail, {
      send: () => new Promise<void>((_, reject) => (leave = reject)),
      close: async () => {
        Object.assign(service.mail, { send, close });
        leave?.(new Error('left'));
      },
    });
    await onboard({ run_dryrun: false });
    await service.restart();
    while ((await service.mails()).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

async function ended(run: Any, status: string, did_work = true) {
  await service.bus.publish([
    {
      topic: 'run-completed',
      event: {
        id: `${run.run_id}/completed`,
        type: 'convergence.run-completed.v1',
        source: 'executor-service',
        time: new Date(service.clock.now()).toISOString(),
        data: {
          run_id: run.run_id,
          tenant_id: run.tenant_id,
          pipeline_id: run.pipeline_id,
          status,
          sequence: 9,
          admitted_at: new Date(service.clock.now()).toISOString(),
          started_at: null,
          ended_at: new Date(service.clock.now()).toISOString(),
          did_work,
          retryable: false,
          error: null,
          trigger_type: run.trigger_type,
          scheduled_run_id: null,
        },
      },
    },
  ]);
  await service.bus.deliver();
}

describe('admission', () => {
  beforeEach(async () => {
    await onboard({ run_dryrun: false });
  });

  test('1 000 requests at once, in batches from several callers, admit exactly the limit', async () => {
    await service.ask('PATCH', '/tenants/acme_corp/subscription', { body: { max_pipelines_per_day: 137, max_concurrent_pipelines: 500 } });
    const batches = Array.from({ length: 100 }, () => Array.from({ length: 10 }, () => spec()));
    const answers = await Promise.all(batches.map(admit));
    const outcomes = answers.flatMap((answer) => answer.decisions.map((decision) => decision.outcome));
    expect(outcomes.filter((outcome) => outcome === 'admitted')).toHaveLength(137);
    expect(published('run-requested')).toHaveLength(137);
  });

  test('a run is requested once, ends once, and frees its slot', async () => {
    const one = spec();
    await admit([one]);
    await admit([one]);
    expect(published('run-requested')).toHaveLength(1);
    await ended(one, 'COMPLETE');
    await ended(one, 'FAILED');
    expect(await service.ask<Any>('GET', '/tenants/acme_corp/quota')).toMatchObject({
      pipelines_run_today: 1,
      remaining_today: 5,
      concurrent_pipelines_running: 0,
      quota_reset_time: '2026-01-16T00:00:00Z',
      quota_reset_date: '2026-02-01',
    });
    expect((await service.ask<Any>('GET', '/tenants/acme_corp/usage')).items).toMatchObject([
      {
        usage_date: '2026-01-15',
        pipelines_run_today: 1,
        pipelines_succeeded_today: 1,
        pipelines_failed_today: 0,
        max_concurrent_reached: 1,
      },
    ]);
  });

  test('a run is visible the moment it was admitted, and says why it may run', async () => {
    const one = spec();
    await admit([one]);
    expect(await service.ask<Any>('GET', `/internal/runs/${one.run_id}`)).toMatchObject({
      status: 'PENDING',
      live: true,
      run: { tenant_id: 'acme_corp' },
    });
    const why = await service.ask<Any>('GET', `/internal/runs/${one.run_id}/why`);
    expect(why.gates.every((gate: Any) => gate.state === 'passed')).toBe(true);
    await expect(service.ask('GET', '/internal/runs/00000000-0000-4000-8000-999999999999')).rejects.toMatchObject({
      code: 'run.not_found',
    });
  });

  test('a crash loses nothing: reservations, duplicates and ends are what they were', async () => {
    const [live, done] = [spec(), spec()];
    await admit([live, done]);
    await ended(done, 'COMPLETE');
    await service.restart();
    const { decisions } = await admit([live, done, spec({ parameters_hash: live.parameters_hash })]);
    expect(decisions.map((decision) => decision.outcome)).toEqual(['admitted', 'admitted', 'existing']);
    expect(await service.ask<Any>('GET', '/tenants/acme_corp/quota')).toMatchObject({
      pipelines_run_today: 2,
      concurrent_pipelines_running: 1,
    });
  });

  test('a lost run is declared so, by the tick and over HTTP alike', async () => {
    const one = spec();
    await admit([one]);
    await service.clock.advance(61 * 60_000);
    const swept = await service.ask<Any>('POST', '/internal/ticks/orphan-sweep', { body: { minute: '2026-01-15T11:01Z' } });
    const again = await service.ask<Any>('POST', '/internal/ticks/orphan-sweep', { body: { minute: '2026-01-15T11:01Z' } });
    expect(swept.cleaned_count + published('run-cancelled').length).toBeGreaterThan(0);
    expect(again.cleaned_count).toBe(0);
    expect(published('run-completed')).toMatchObject([{ run_id: one.run_id, status: 'FAILED', did_work: false, error: { class: 'lost' } }]);
    expect(await service.ask<Any>('GET', '/tenants/acme_corp/quota')).toMatchObject({ concurrent_pipelines_running: 0 });
  });

  test('heartbeats keep a run alive', async () => {
    const one = spec();
    await admit([one]);
    for (let minute = 0; minute < 90; minute += 30) {
      await service.clock.advance(30 * 60_000);
      const at = new Date(service.clock.now()).toISOString();
      const event = { id: `beat-${minute}`, type: 'convergence.run-heartbeat.v1', source: 'executor-service', time: at };
      await service.bus.publish([{ topic: 'run-progress', event: { ...event, data: { executor: 'e1', at, run_ids: [one.run_id] } } }]);
      await service.bus.deliver();
    }
    const swept = await service.ask<Any>('POST', '/internal/ticks/orphan-sweep', { body: { minute: '2026-01-15T11:30Z' } });
    expect(swept.cleaned_count).toBe(0);
    expect(published('run-cancelled')).toEqual([]);
  });

  test('the reset opens the new day once, history stays', async () => {
    await admit([spec()]);
    await service.clock.advance(14 * 3_600_000 + 1000);
    const answer = await service.ask<Any>('POST', '/internal/ticks/quota-reset', { body: { minute: '2026-01-16T00:00Z' } });
    expect(answer).toMatchObject({ status: 'success', records_updated: 0 });
    expect(
      (await service.ask<Any>('GET', '/tenants/acme_corp/usage')).items.map((day: Any) => [day.usage_date, day.pipelines_run_today]),
    ).toEqual([
      ['2026-01-16', 0],
      ['2026-01-15', expect.any(Number)],
    ]);
  });
});

describe('tables and edits by hand', () => {
  beforeEach(async () => {
    await onboard({ run_dryrun: false });
  });

  test('checkpoints show the truth; a limit, a status and a month set by SQL take effect', async () => {
    await admit([spec()]);
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_usage_quotas')).toMatchObject([
      { usage_id: 'acme_corp_20260115', pipelines_run_today: 1, daily_limit: 6, remaining: 5, concurrent_pipelines_running: 1 },
    ]);
    service.tables.edit('tenant_subscriptions', 'acme_corp', { max_pipelines_per_day: 1 });
    service.tables.edit('tenant_usage_quotas', 'acme_corp\u001f2026-01-15', { pipelines_run_month: 0 });
    expect(await service.slice().refresh()).toBe(2);
    expect(await service.ask<Any>('GET', '/tenants/acme_corp/quota')).toMatchObject({
      daily_limit: 1,
      pipelines_run_month: 0,
      pipelines_run_today: 1,
    });
    expect((await admit([spec()])).decisions[0]).toMatchObject({ detail: 'Daily pipeline quota exceeded. Used 1/1 pipelines today.' });
    service.tables.edit('tenant_profiles', 'acme_corp', { status: 'SUSPENDED' });
    await service.slice().refresh();
    expect((await admit([spec()])).decisions[0]).toMatchObject({ detail: 'Account suspended' });
    expect(published('tenant-changed').map((change) => [change.change, change.status])).toEqual([
      ['created', 'ACTIVE'],
      ['subscription', 'ACTIVE'],
      ['status', 'SUSPENDED'],
    ]);
  });

  test('a counter recomputed by hand is written back: the leases are the truth', async () => {
    await admit([spec()]);
    await service.slice().checkpoint();
    service.tables.edit('tenant_usage_quotas', 'acme_corp\u001f2026-01-15', { concurrent_pipelines_running: 0 });
    await service.slice().refresh();
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_usage_quotas')).toMatchObject([{ concurrent_pipelines_running: 1 }]);
  });

  test('everything comes back from the tables alone', async () => {
    await service.ask('POST', '/tenants/acme_corp/provider-configs', {
      body: { provider: 'GCP', domain: 'COST', notification_emails: ['a@b.co'], options: { source_table: 't' } },
    });
    await service.ask('POST', '/tenants/acme_corp/api-keys', { body: { key_name: 'ci', expires_in_days: 10 } });
    await service.ask('POST', '/tenants/acme_corp/credentials', {
      body: { provider: 'OPENAI', credential_name: 'o', credentials: { api_key: 'sk-0123456789abcdefghij' } },
    });
    await admit([spec()]);
    const welcomed = () => service.slice().state.tenants.get('acme_corp' as TenantId)?.onboarding?.welcome_sent_at;
    while (!welcomed()) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = structuredClone(service.slice().state);
    await service.restart();
    const after = structuredClone(service.slice().state);
    for (const state of [before, after]) Object.assign(state, { feed: null });
    expect(after).toEqual(before);
  });
});
