/** What waits and what goes: the queue and its backfill lane, in the whole service over fakes of its ports. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Principal, queueTick, type RunSpec, runCompleted, Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { schedulerForEachTest } from './testing/scheduler-for-each-test.ts';
import { completed, ownerOf, refusing } from './testing/scheduler-under-test.ts';

const MINUTE = 60_000;
const { service, schedule, asked, queue, status } = schedulerForEachTest();

describe('the queue', () => {
  test('queue-tick, as event and by HTTP, starts what can start and says what it did', async () => {
    service.admission.says = () => new Transient('away');
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    expect((await queue())[0].waiting).toMatchObject({ gate: 'admission_unavailable' });
    await service.hear(queueTick, { max: 5 });
    service.admission.says = (run) => ({ run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-01-15T10:00:00Z' });
    // Held for a second by a clock that stands still.
    expect(await service.ask('POST', '/internal/ticks/queue', { body: {} })).toMatchObject({
      processed: false,
      status: 'IDLE',
      message: 'Nothing could start; 1 wait. GET /api/v1/scheduler/queue tells why.',
    });
    await service.pass(3000);
    expect(await status()).toMatchObject({ pipelines_running: 1 });
    expect(await service.ask('POST', '/internal/ticks/queue', { body: {} })).toMatchObject({ message: 'No pipelines in queue' });
  });

  test('is shown in the order in which it is dispatched, page by page', async () => {
    service.admission.says = () => new Transient('away');
    for (const [priority, tenant] of [
      [1, 'acme_corp'],
      [10, 'acme_corp'],
      [5, 'globex'],
    ] as const)
      await schedule({ priority, parameters: { date: `2026-01-0${priority % 9}` } }, tenant);
    await service.pass(5 * MINUTE + 10_000);
    const first = await service.ask('GET', '/scheduler/queue?limit=2');
    const second = await service.ask('GET', `/scheduler/queue?limit=2&cursor=${first.next_cursor}`);
    const shown = [...first.items, ...second.items];
    expect(shown.map((item) => item.position)).toEqual([1, 2, 3]);
    expect(second.next_cursor).toBeNull();
    const order = service
      .slice()
      .state.queue.pick(Number.MAX_SAFE_INTEGER, 10)
      .map((item) => item.run_id);
    service.admission.asked.length = 0;
    service.admission.says = (run) => ({ run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-01-15T10:00:00Z' });
    await service.pass(10_000);
    expect(asked().map((run) => run.scheduled_run_id)).toEqual(order);
  });

  test('tells of every run why it waits, by its own id and by that of its attempt', async () => {
    service.admission.says = refusing('quota.concurrent_exceeded');
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    const [item] = await queue();
    const why = await service.ask('GET', `/internal/runs/${item.run_id}/why`);
    expect(why).toMatchObject({ tenant_id: 'acme_corp', status: 'PENDING' });
    expect(why.gates).toEqual([
      expect.objectContaining({ gate: 'quota.concurrent_exceeded', state: 'closed', since: expect.any(String) }),
      expect.objectContaining({ gate: 'scheduled_runs_in_flight', state: 'open', value: 0, limit: 500 }),
      expect.objectContaining({ gate: 'queue_position', value: 1, limit: 1 }),
    ]);
    expect(await service.ask('GET', `/internal/runs/${asked()[0]?.run_id}/why`)).toMatchObject({ tenant_id: 'acme_corp' });
    expect(await service.ask('GET', '/internal/runs/00000000-0000-4000-8000-000000000001/why')).toEqual({
      tenant_id: null,
      status: null,
      gates: [],
    });
  });

  test('says since when a gate is closed, whatever was looked at meanwhile, and what stands against which limit', async () => {
    service.admission.says = (run) => ({
      ...refusing('quota.daily_exceeded')(run),
      fields: { used: 6, limit: 6 },
      retry_at: '2026-01-16T00:00:00Z',
    });
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    const first = (await queue())[0].waiting;
    expect(first).toMatchObject({ gate: 'quota.daily_exceeded', value: 6, limit: 6, expected: '2026-01-16T00:00:00.000Z' });
    await service.pass(16 * MINUTE);
    expect(asked().length).toBeGreaterThan(1);
    expect((await queue())[0].waiting).toEqual(first);
    await service.slice().checkpoint();
    expect(service.tables.rows('pipeline_execution_queue')).toEqual([
      expect.objectContaining({ state: 'QUEUED', waiting_gate: 'quota.daily_exceeded' }),
    ]);
  });

  test('goes on around an item that admission can not be asked about', async () => {
    service.admission.says = (run) =>
      run.parameters.date === '2026-01-01'
        ? new Error('broken')
        : { run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-01-15T10:00:00Z' };
    await schedule({ parameters: { date: '2026-01-01' } });
    await schedule({ parameters: { date: '2026-01-02' } });
    await service.pass(5 * MINUTE + 5000);
    expect(service.slice().state.queue.underWay().size).toBe(2);
    expect([...service.slice().state.queue.items()].map((item) => item.stage).sort()).toEqual(['claimed', 'running']);
    await service.pass(15 * MINUTE);
    await service.slice().checkpoint();
    expect(service.tables.rows('scheduled_pipeline_runs')).toContainEqual(
      expect.objectContaining({ state: 'FAILED', end_reason: 'attempts_exhausted' }),
    );
  });
});

describe('a backfill', () => {
  const backfill = (body: Record<string, unknown>, template = 'dryrun', headers: Record<string, string> = {}) =>
    service.ask('POST', `/pipelines/backfill/acme_corp/gcp/example/${template}`, { as: ownerOf('acme_corp'), body, headers });

  test('queues one run a date and keeps to its cap', async () => {
    const answer = await backfill({ from: '2026-01-01', to: '2026-01-10', max_concurrent: 2 });
    expect(answer).toMatchObject({ queued_count: 10, max_concurrent: 2, pipeline_id: 'acme_corp-gcp-example-dryrun' });
    await service.pass(1000);
    expect(asked().map((run) => [run.run_date, run.trigger_type, run.lane])).toEqual([
      ['2026-01-01', 'backfill', 'backfill'],
      ['2026-01-02', 'backfill', 'backfill'],
    ]);
    const waiting = (await queue()).filter((item: { state: string }) => item.state === 'QUEUED');
    expect(waiting).toHaveLength(8);
    for (const item of waiting) expect(item.waiting).toMatchObject({ gate: 'backfill_concurrency' });
    await service.restart('checkpointed');
    await service.hear(runCompleted, completed(asked()[0] as RunSpec));
    await service.pass(1000);
    // Its own day is the one that it fills in, today is the one on which it was asked for.
    expect(asked().at(-1)).toMatchObject({ run_date: '2026-01-03', as_of: expect.stringMatching(/^2026-01-15T/) });
    expect(service.slice().state.queue.underWay().size).toBe(2);
  });

  test('shows a run that waits for its turn, and what it waits for, to who it belongs to and until it goes', async () => {
    const { runs } = await backfill({ from: '2026-01-01', to: '2026-01-02', trigger_by: 'alice' });
    await service.pass(1000);
    const [going, waits] = runs.map(({ run_id }: { run_id: string }) => run_id);
    const shown = (runId: string, as = ownerOf('acme_corp')) => service.ask('GET', `/internal/runs/${runId}`, { as });
    expect(await shown(waits)).toMatchObject({
      pipeline_logging_id: waits,
      pipeline_id: 'acme_corp-gcp-example-dryrun',
      template: 'dryrun',
      status: 'PENDING',
      trigger_type: 'backfill',
      trigger_by: 'alice',
      run_date: '2026-01-02',
      start_time: null,
      attempts: [waits],
      waits_for: [{ gate: 'backfill_concurrency' }, { gate: 'queue_position' }],
    });
    await expect(shown(waits, ownerOf('globex'))).rejects.toMatchObject({ code: 'run.not_found' });
    await expect(shown(going)).rejects.toMatchObject({ code: 'run.not_found' });
  });

  test('ends run by run where they are cancelled before their turn, by nobody but who they belong to', async () => {
    const { runs } = await backfill({ from: '2026-01-01', to: '2026-01-03' });
    await service.pass(1000);
    const [going, second, third] = runs.map(({ run_id }: { run_id: string }) => run_id);
    const cancel = (runId: string, as = ownerOf('acme_corp')) =>
      service.ask('POST', `/internal/runs/${runId}/cancel`, { as, body: { reason: 'oops' } });
    await expect(cancel(second, ownerOf('globex'))).rejects.toMatchObject({ code: 'run.not_found' });
    const answer = {
      pipeline_logging_id: second,
      status: 'CANCELLED',
      tenant_id: 'acme_corp',
      pipeline_id: 'acme_corp-gcp-example-dryrun',
    };
    const atOnce = await Promise.all([cancel(second), cancel(second)]);
    for (const told of [...atOnce, await cancel(second)]) expect(told).toMatchObject(answer);
    await expect(cancel(second, ownerOf('globex'))).rejects.toMatchObject({ code: 'run.not_found' });
    // Its executor's, not the queue's.
    await expect(cancel(going)).rejects.toMatchObject({ code: 'run.not_found' });
    await service.slice().checkpoint();
    await expect(cancel(second)).rejects.toMatchObject({ code: 'run.not_found' });
    expect(service.tables.rows('scheduled_pipeline_runs')).toContainEqual(
      expect.objectContaining({ state: 'FAILED', end_reason: 'cancelled', error_message: 'oops' }),
    );
    await service.hear(runCompleted, completed(asked()[0] as RunSpec));
    await service.pass(60_000);
    expect(asked().map(({ run_id }) => run_id)).toEqual([going, third]);
  });

  describe('of a command that comes again', () => {
    const again = (command: string, made?: string) =>
      backfill({ from: '2026-01-01', to: '2026-01-02' }, 'dryrun', { 'x-command-id': command, ...(made && { 'x-command-made': made }) });
    const queued = async () => (await queue()).length;

    test('is the one that is queued, for a day and over a restart, and another for another command', async () => {
      service.admission.says = () => new Transient('away');
      const first = await again('a');
      expect(await again('a')).toEqual(first);
      await service.restart('checkpointed');
      await service.pass(23 * 60 * MINUTE);
      expect(await again('a')).toEqual(first);
      expect(await queued()).toBe(2);
      expect((await again('b')).backfill_id).not.toBe(first.backfill_id);
      expect(await queued()).toBe(4);
    });

    test('is the one that ended: while its runs are known, and after that because it was noted', async () => {
      const first = await again('a');
      expect([...service.admission.made]).toEqual([['a', first.backfill_id]]);
      const ids = first.runs.map(({ run_id }: { run_id: string }) => run_id);
      for (const index of ids.keys()) {
        await service.pass(1000);
        await service.hear(runCompleted, completed(asked()[index] as RunSpec));
      }
      expect(await queued()).toBe(0);
      expect(await again('a')).toEqual(first);
      expect(await queued()).toBe(0);
      await service.slice().checkpoint();
      for (const id of ids) service.admission.runs.set(id, { live: false, status: 'COMPLETE' });
      expect(await again('a')).toEqual(first);
      expect(await queued()).toBe(0);
      service.admission.runs.clear();
      await service.pass(15 * MINUTE);
      expect(await again('a', first.backfill_id)).toEqual(first);
      expect(await queued()).toBe(0);
    });
  });

  test('says of a run that is being admitted to ask again, not that there is none', async () => {
    service.admission.says = () => new Error('broken');
    const { runs } = await backfill({ from: '2026-01-01', to: '2026-01-01' });
    await service.pass(1000);
    const cancel = (as: Principal) => service.ask('POST', `/internal/runs/${runs[0].run_id}/cancel`, { as, body: {} });
    await expect(cancel(ownerOf('acme_corp'))).rejects.toMatchObject({ code: 'service.unavailable' });
    await expect(cancel(ownerOf('globex'))).rejects.toMatchObject({ code: 'run.not_found' });
  });

  test('keeps who asked for it, over a restart too', async () => {
    service.admission.says = () => new Transient('away');
    await backfill({ from: '2026-01-01', to: '2026-01-01', trigger_by: 'alice' });
    await service.restart('checkpointed');
    service.admission.says = (run) => ({ run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-01-15T10:00:00Z' });
    service.admission.asked.length = 0;
    await service.pass(60_000);
    expect(asked().map((run) => run.trigger_by)).toEqual(['alice']);
    expect(Object.values(service.admission.askedBy)).toEqual([ownerOf('acme_corp')]);
    await service.ask('POST', '/pipelines/backfill/acme_corp/gcp/example/dryrun', {
      as: { ...(ownerOf('acme_corp') as Extract<Principal, { kind: 'tenant' }>), userId: 'bob' },
      body: { from: '2026-01-02', to: '2026-01-02' },
    });
    await service.pass(1000);
    const last = asked().at(-1) as RunSpec;
    expect(last).toMatchObject({ trigger_by: 'bob', user_id: 'bob' });
    expect(service.admission.askedBy).toEqual({ [last.run_id]: { ...ownerOf('acme_corp'), userId: 'bob' } });
  });

  test('runs a template of months once for each month that its range touches, and one with a date of its own for each date', async () => {
    const template = (name: string, parameters: string) =>
      writeFile(
        join(service.configs, `gcp/example/${name}.yml`),
        `name: ${name}\ndescription: of months\nprovider: gcp\ndomain: example\nversion: 1\nparameters:\n${parameters}\nsteps:\n  - id: a\n    type: onboarding.dryrun\n`,
      );
    await template('monthly', '  billing_month: { type: month, required: true, description: billing month }');
    await template(
      'daily',
      '  date: { type: date, description: day }\n  month: { type: month, default: "{month}", description: its month }',
    );
    await service.templates.refresh();
    const answer = await backfill({ from: '2025-11-20', to: '2026-01-02', max_concurrent: 10 }, 'monthly');
    expect(answer.runs.map(({ date }: { date: string }) => date)).toEqual(['2025-11-01', '2025-12-01', '2026-01-01']);
    await service.pass(1000);
    expect(asked().map(({ parameters }) => parameters)).toEqual([
      { date: '2025-11-01', billing_month: '2025-11' },
      { date: '2025-12-01', billing_month: '2025-12' },
      { date: '2026-01-01', billing_month: '2026-01' },
    ]);
    expect(await backfill({ from: '2015-06-30', to: '2025-10-31' }, 'monthly')).toMatchObject({ queued_count: 125 });
    await expect(backfill({ from: '1926-01-01', to: '2025-10-31' }, 'monthly')).rejects.toMatchObject({
      message: 'to makes 1198 months; at most 1000 go at once.',
    });
    expect(await backfill({ from: '2026-01-01', to: '2026-01-03' }, 'daily')).toMatchObject({ queued_count: 3 });
  });

  test('is refused when its dates are the wrong way round, too many, or its template is not there', async () => {
    await expect(backfill({ from: '2026-01-10', to: '2026-01-01' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(backfill({ from: '2020-01-01', to: '2025-12-31' })).rejects.toMatchObject({
      message: expect.stringContaining('at most 1000'),
    });
    await expect(backfill({ from: '2026-01-01', to: '2026-01-02' }, 'nothing')).rejects.toMatchObject({ code: 'template.not_found' });
  });
});
