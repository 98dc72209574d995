/** The whole service over fakes: what its events and operations do, as others see it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { queueTick, Refusal, type RunSpec, runCompleted, scheduleTick, Transient, tenantChanged } from '@convergence/contracts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { completed, daily, ownerOf, type SchedulerUnderTest, startScheduler } from './testing/scheduler-under-test.ts';

const MINUTE = 60_000;
const mine = '/scheduler/customer/acme_corp/pipelines';
let service: SchedulerUnderTest;
beforeEach(async () => {
  service = await startScheduler();
});
afterEach(() => service.close());

const schedule = (over: Record<string, unknown> = {}, tenant = 'acme_corp') =>
  service.ask('POST', `/scheduler/customer/${tenant}/pipelines`, { as: ownerOf(tenant), body: daily(over) });
const asked = (): RunSpec[] => service.admission.asked.flat();
const queue = async () => (await service.ask('GET', '/scheduler/queue')).items;
const status = () => service.ask('GET', '/scheduler/status');
const refusing = (code: string) => (run: RunSpec) => ({
  run_id: run.run_id,
  outcome: 'refused' as const,
  code,
  detail: `${code} says no`,
  fields: {},
  retry_at: null,
});

describe('a schedule fires by itself', () => {
  test('on time, with the variables of its fire, and its run-completed completes it', async () => {
    const made = await schedule({ timezone: 'America/New_York', schedule_cron: '5 5 * * *' });
    expect(made.next_runs).toHaveLength(5);
    await service.pass(5 * MINUTE + 1000);
    expect(asked()).toEqual([
      expect.objectContaining({
        pipeline_id: 'acme_corp-gcp-example-dryrun',
        parameters: { date: '2026-01-14' },
        trigger_type: 'scheduler',
        trigger_by: 'cloud_scheduler',
        user_id: null,
      }),
    ]);
    expect(await status()).toMatchObject({ pipelines_running: 1, pipelines_queued: 0 });
    await service.hear(runCompleted, completed(asked()[0] as RunSpec));
    const [after] = (await service.ask('GET', mine, { as: ownerOf('acme_corp') })).items;
    expect(after).toMatchObject({ last_run_status: 'SUCCESS', next_run_time: '2026-01-16T10:05:00.000Z' });
    expect(await status()).toMatchObject({ pipelines_running: 0, pipelines_completed_today: 1 });
  });

  test('but not in a time zone that does not exist', async () => {
    await expect(schedule({ timezone: 'Mars/Olympus' })).rejects.toMatchObject({
      code: 'schedule.invalid',
      fields: { errors: [expect.objectContaining({ path: '/timezone' })] },
    });
  });

  test('not twice for doubled schedule-tick events, nor for a tick by HTTP', async () => {
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    await service.hear(scheduleTick, { minute: '2026-01-15T10:05Z' });
    await service.hear(scheduleTick, {});
    const answer = await service.ask('POST', '/internal/ticks/schedule', { body: {} });
    expect(answer).toMatchObject({ triggered_count: 0, queued_count: 0, details: { due_pipelines_found: 0 } });
    expect(asked()).toHaveLength(1);
  });

  test('not twice across a crash: neither before nor after a checkpoint', async () => {
    await schedule({ overlap: 'allow' });
    await service.pass(5 * MINUTE + 1000);
    await service.restart('crash');
    await service.pass(MINUTE);
    await service.restart('checkpointed');
    await service.pass(2 * MINUTE);
    expect(new Set(asked().map((run) => run.run_id)).size).toBe(1);
    await service.hear(runCompleted, completed(asked()[0] as RunSpec));
    await service.restart('checkpointed');
    expect(await status()).toMatchObject({ pipelines_running: 0, pipelines_queued: 0, pipelines_completed_today: 1 });
  });

  test('the last row of a run reaches its table though the process died between journal and MERGE', async () => {
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    await service.slice().checkpoint();
    await service.hear(runCompleted, completed(asked()[0] as RunSpec));
    const merge = service.tables.merge;
    Object.assign(service.tables, { merge: () => Promise.reject(new Transient('away')) });
    await expect(service.slice().checkpoint()).rejects.toThrow('away');
    Object.assign(service.tables, { merge });
    await service.restart('crash');
    await service.slice().checkpoint();
    expect(service.tables.rows('scheduled_pipeline_runs')).toEqual([expect.objectContaining({ state: 'COMPLETED' })]);
  });
});

describe('run-completed', () => {
  const started = async () => {
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    return asked()[0] as RunSpec;
  };
  const error = { code: 'x', class: 'rate_limit', message: 'Slow down.', hint: 'Wait.', step: null };

  test('of a failure that may pass tries again later, as another run of the same scheduled one', async () => {
    const first = await started();
    await service.hear(runCompleted, completed(first, { status: 'FAILED', retryable: true, error }));
    expect(await queue()).toEqual([
      expect.objectContaining({
        state: 'QUEUED',
        waiting: expect.objectContaining({ gate: 'retry_backoff', expected: expect.any(String) }),
      }),
    ]);
    await service.pass(2 * MINUTE);
    const [, second] = asked();
    expect(second?.run_id).not.toBe(first.run_id);
    expect(second?.scheduled_run_id).toBe(first.scheduled_run_id);
  });

  test('of a failure that stays is the end, with everything recorded', async () => {
    const run = await started();
    await service.hear(runCompleted, completed(run, { status: 'FAILED', retryable: false, error }));
    await service.slice().checkpoint();
    expect(service.tables.rows('scheduled_pipeline_runs')).toEqual([
      expect.objectContaining({
        state: 'FAILED',
        end_reason: 'failed',
        error_message: 'Slow down. Wait.',
        pipeline_logging_id: run.run_id,
      }),
    ]);
    expect(service.tables.rows('pipeline_execution_queue')).toEqual([]);
  });

  test('heard twice, or of a run that nobody queued, changes nothing', async () => {
    const run = await started();
    await service.hear(runCompleted, completed(run));
    const before = service.slice().figures.sequence;
    await service.hear(runCompleted, completed(run));
    await service.hear(runCompleted, completed({ ...run, run_id: '00000000-0000-4000-8000-000000000001' }));
    expect(service.slice().figures.sequence).toBe(before);
  });

  test('that never came is made up for: the run is asked after', async () => {
    const run = await started();
    service.admission.runs.set(run.run_id, { live: true, status: 'RUNNING' });
    await service.pass(10 * MINUTE);
    expect(await status()).toMatchObject({ pipelines_running: 1 });
    service.admission.runs.set(run.run_id, { live: false, status: 'COMPLETE' });
    await service.pass(10 * MINUTE);
    expect(await status()).toMatchObject({ pipelines_running: 0, pipelines_completed_today: 1 });
  });
});

describe('tenant-changed', () => {
  const change = (over: Record<string, unknown>) =>
    service.hear(tenantChanged, {
      tenant_id: 'acme_corp',
      at: '2026-01-15T10:00:00Z',
      change: 'status',
      status: 'ACTIVE',
      plan: 'SCALE',
      ...over,
    } as never);

  test('to SUSPENDED leaves fires out, and back to ACTIVE lets the next one go', async () => {
    await schedule({ schedule_cron: '*/10 * * * *' });
    await change({ status: 'SUSPENDED' });
    await service.pass(11 * MINUTE);
    expect(asked()).toEqual([]);
    await change({ status: 'ACTIVE' });
    await service.pass(10 * MINUTE);
    expect(asked()).toHaveLength(1);
  });

  test('opens a gate at once that was closed for the whole tenant', async () => {
    service.admission.says = refusing('quota.daily_exceeded');
    await schedule();
    await service.pass(5 * MINUTE + 1000);
    const [waiting] = await queue();
    expect(waiting.waiting).toMatchObject({ gate: 'quota.daily_exceeded', detail: 'quota.daily_exceeded says no' });
    service.admission.says = (run) => ({ run_id: run.run_id, outcome: 'admitted', admitted_at: '2026-01-15T10:00:00Z' });
    await change({ change: 'subscription' });
    await service.pass(300);
    expect(await status()).toMatchObject({ pipelines_running: 1, pipelines_queued: 0 });
  });

  test('outlives a restart: the weight of the plan is in the table', async () => {
    await change({ plan: 'SCALE' });
    await service.restart('checkpointed');
    expect(service.slice().state.tenants.get('acme_corp')).toMatchObject({ status: 'ACTIVE', weight: 4 });
  });
});

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

describe('schedules', () => {
  test('are refused with the nearest name, with every error of their parameters, and with words about their cron', async () => {
    await expect(schedule({ pipeline_template: 'dryrn' })).rejects.toMatchObject({
      code: 'template.not_found',
      message: expect.stringContaining('Nearest: configs/gcp/example/dryrun.yml'),
    });
    await expect(schedule({ parameters: { date: 'soon', colour: 'red' } })).rejects.toMatchObject({
      code: 'template.parameters_invalid',
      fields: { errors: [expect.objectContaining({ path: expect.stringMatching('^/parameters') }), expect.anything()] },
    });
    await expect(schedule({ schedule_cron: '* * * * * *' })).rejects.toMatchObject({
      code: 'schedule.invalid',
      message: expect.stringContaining('fires more often than once a minute'),
    });
    await expect(schedule({ parameters: { date: 'x'.repeat(20_000) } })).rejects.toMatchObject({
      code: expect.stringContaining('invalid'),
    });
  });

  test('are changed in part, and only by their tenant', async () => {
    const { config_id } = await schedule();
    const changed = await service.ask('PATCH', `${mine}/${config_id}`, { as: ownerOf('acme_corp'), body: { priority: 9 } });
    expect(changed).toMatchObject({ priority: 9, schedule_cron: '5 10 * * *' });
    const other = '/scheduler/customer/globex/pipelines';
    await expect(service.ask('PATCH', `${other}/${config_id}`, { as: ownerOf('globex'), body: { priority: 1 } })).rejects.toMatchObject({
      code: 'schedule.not_found',
    });
    await expect(service.ask('DELETE', `${other}/${config_id}`, { as: ownerOf('globex') })).rejects.toMatchObject({
      code: 'schedule.not_found',
    });
  });

  test('are disabled, not deleted, by tenant and by admin, and fire no more', async () => {
    const { config_id } = await schedule();
    expect(await service.ask('DELETE', `${mine}/${config_id}`, { as: ownerOf('acme_corp') })).toMatchObject({
      is_active: false,
      next_run_time: null,
      next_runs: [],
    });
    const other = await service.ask('POST', '/scheduler/pipeline-configs', { body: { tenant_id: 'globex', ...daily() } });
    expect(await service.ask('DELETE', `/scheduler/pipeline-configs/${other.config_id}`)).toMatchObject({ is_active: false });
    await service.pass(10 * MINUTE);
    expect(asked()).toEqual([]);
  });

  test('are listed page by page, of one tenant and of all, by what is asked for', async () => {
    for (let i = 0; i < 5; i++) await schedule({}, i < 3 ? 'acme_corp' : 'globex');
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: { config_id: string }[]; next_cursor: string | null } = await service.ask(
        'GET',
        `/scheduler/pipeline-configs?limit=2${cursor ? `&cursor=${cursor}` : ''}`,
      );
      seen.push(...page.items.map((item) => item.config_id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).toHaveLength(5);
    expect(new Set(seen).size).toBe(5);
    expect((await service.ask('GET', mine, { as: ownerOf('acme_corp') })).items).toHaveLength(3);
    expect((await service.ask('GET', '/scheduler/pipeline-configs?tenant_id=globex&provider=gcp')).items).toHaveLength(2);
    expect((await service.ask('GET', '/scheduler/pipeline-configs?provider=aws')).items).toEqual([]);
    await expect(service.ask('GET', '/scheduler/pipeline-configs?cursor=%21')).rejects.toMatchObject({ code: 'request.invalid' });
  });
});

describe('a backfill', () => {
  const backfill = (body: Record<string, unknown>, template = 'dryrun') =>
    service.ask('POST', `/pipelines/backfill/acme_corp/gcp/example/${template}`, { as: ownerOf('acme_corp'), body });

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
    expect(asked().at(-1)?.run_date).toBe('2026-01-03');
    expect(service.slice().state.queue.underWay().size).toBe(2);
  });

  test('is refused when its dates are the wrong way round, too many, or its template is not there', async () => {
    await expect(backfill({ from: '2026-01-10', to: '2026-01-01' })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(backfill({ from: '2020-01-01', to: '2025-12-31' })).rejects.toMatchObject({
      message: expect.stringContaining('at most 1000'),
    });
    await expect(backfill({ from: '2026-01-01', to: '2026-01-02' }, 'nothing')).rejects.toMatchObject({ code: 'template.not_found' });
  });
});

describe('edits by hand', () => {
  test('next_run_time moved to the past fires once, however often the edit is seen', async () => {
    const { config_id } = await schedule({ overlap: 'allow' });
    await service.slice().checkpoint();
    service.tables.edit('tenant_pipeline_configs', config_id, { next_run_time: '2026-01-15T02:00:00.000Z' });
    await service.slice().refresh();
    await service.pass(1500);
    await service.slice().refresh();
    await service.pass(1500);
    expect(asked()).toHaveLength(1);
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_pipeline_configs')).toEqual([
      expect.objectContaining({ next_run_time: '2026-01-15T10:05:00.000Z' }),
    ]);
  });
  test('what can not be is undone, and the schedule goes on', async () => {
    const { config_id } = await schedule();
    await service.slice().checkpoint();
    service.tables.edit('tenant_pipeline_configs', config_id, { schedule_cron: 'whenever', priority: 99 });
    await service.slice().refresh();
    await service.slice().checkpoint();
    expect(service.tables.rows('tenant_pipeline_configs')).toEqual([expect.objectContaining({ schedule_cron: '5 10 * * *', priority: 5 })]);
  });
  test('is_active switched on again forgives what paused it', async () => {
    const { config_id } = await schedule();
    await service.ask('DELETE', `/scheduler/pipeline-configs/${config_id}`);
    await service.slice().checkpoint();
    service.tables.edit('tenant_pipeline_configs', config_id, { is_active: true });
    await service.slice().refresh();
    expect(service.slice().state.schedules.get(config_id)).toMatchObject({ is_active: true, consecutive_failures: 0 });
    expect(service.slice().state.due.size).toBe(1);
  });
});

describe('people are told', () => {
  test('that a schedule paused itself: until somebody took the notice, and then no more', async () => {
    await service.close();
    service = await startScheduler({ warnAfterFailures: 1, pauseAfterFailures: 2 });
    await schedule({ schedule_cron: '*/10 * * * *' });
    service.admission.telling = () => {
      throw new Transient('away');
    };
    for (let failures = 0; failures < 2; failures++) {
      await service.pass(10 * MINUTE);
      await service.hear(runCompleted, completed(asked().at(-1) as RunSpec, { status: 'FAILED' }));
    }
    await service.pass(6000);
    expect(service.admission.told.length).toBeGreaterThan(0);
    await service.restart('checkpointed');
    service.admission.telling = () => undefined;
    service.admission.told.length = 0;
    await service.pass(60_000);
    expect(service.admission.told).toEqual([
      {
        tenantId: 'acme_corp',
        notice: expect.objectContaining({
          subject: 'A schedule paused itself: gcp/example/dryrun',
          text: expect.stringContaining('after 2 failures in a row'),
        }),
      },
    ]);
    expect((await service.ask('GET', mine, { as: ownerOf('acme_corp') })).items[0]).toMatchObject({
      is_active: false,
      paused_reason: expect.stringContaining('Paused after 2 failures'),
    });
  });
  test('nobody, when the tenant is gone: the notice is dropped', async () => {
    await service.close();
    service = await startScheduler({ warnAfterFailures: 1 });
    await schedule();
    service.admission.telling = () => {
      throw new Refusal('tenant.not_found', 'gone');
    };
    await service.pass(6 * MINUTE);
    await service.hear(runCompleted, completed(asked()[0] as RunSpec, { status: 'FAILED' }));
    await service.pass(60_000);
    expect(service.admission.told).toHaveLength(1);
    expect(service.slice().state.notices.size).toBe(0);
  });
});

describe('what goes bad while it is scheduled', () => {
  const failedWith = async () => {
    await service.pass(6 * MINUTE);
    await service.slice().checkpoint();
    return service.tables.rows('scheduled_pipeline_runs');
  };
  test('a template that was removed: the run fails and says so, the schedule stays', async () => {
    await schedule();
    await rm(join(service.configs, 'gcp/example/dryrun.yml'));
    await service.templates.refresh();
    expect(await failedWith()).toEqual([
      expect.objectContaining({
        state: 'FAILED',
        end_reason: 'refused',
        error_message: 'Template not found: configs/gcp/example/dryrun.yml',
      }),
    ]);
    expect(service.slice().state.schedules.values().next().value).toMatchObject({ is_active: true, consecutive_failures: 1 });
    expect(await status()).toMatchObject({ pipelines_queued: 0, pipelines_failed_today: 1 });
  });
  test('parameters that no longer fit: the run fails with each error', async () => {
    const { config_id } = await schedule();
    await service.slice().execute({ type: 'change-schedule', config_id, changes: { parameters: { date: 'never', colour: 'red' } } });
    const [row] = await failedWith();
    expect(row).toMatchObject({ state: 'FAILED', end_reason: 'refused' });
    expect(row?.error_message).toMatch(/no longer fit the template.*date.*colour|no longer fit the template.*colour.*date/s);
  });
  test('10 000 schedules by one tenant: it is told its limit', async () => {
    await service.close();
    service = await startScheduler({ schedulesPerTenant: 3 });
    for (let i = 0; i < 3; i++) await schedule();
    await expect(schedule()).rejects.toMatchObject({ code: 'schedule.limit', message: 'The tenant has 3 schedules; 3 are allowed.' });
    expect(await schedule({}, 'globex')).toMatchObject({ is_active: true });
  });
});
