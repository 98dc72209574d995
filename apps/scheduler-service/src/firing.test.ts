/** Schedules that fire and runs that end, in the whole service over fakes of its ports. */
import { Refusal, type RunSpec, runCompleted, scheduleTick, Transient, tenantChanged } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { schedulerForEachTest } from './testing/scheduler-for-each-test.ts';
import { completed, ownerOf, refusing } from './testing/scheduler-under-test.ts';

const MINUTE = 60_000;
const mine = '/scheduler/customer/acme_corp/pipelines';
const { service, renew, schedule, asked, queue, status } = schedulerForEachTest();

describe('a schedule fires by itself', () => {
  test('on time, with the variables of its fire, and its run-completed completes it', async () => {
    const made = await schedule({ timezone: 'America/New_York', schedule_cron: '5 5 * * *' });
    expect(made.next_runs).toHaveLength(5);
    await service.pass(5 * MINUTE + 1000);
    expect(asked()).toEqual([
      expect.objectContaining({
        pipeline_id: 'acme_corp-gcp-example-dryrun',
        parameters: { date: '2026-01-14' },
        as_of: '2026-01-15T05:05:00.000Z',
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
    expect(second).toMatchObject({ scheduled_run_id: first.scheduled_run_id, as_of: '2026-01-15T10:05:00.000Z' });
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

describe('people are told', () => {
  test('that a schedule paused itself: until somebody took the notice, and then no more', async () => {
    await service.close();
    await renew({ warnAfterFailures: 1, pauseAfterFailures: 2 });
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
    await renew({ warnAfterFailures: 1 });
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
