import { describe, expect, test } from '@jest/globals';
import type { ScheduleCommand } from './commands.ts';
import { decide } from './decide.ts';
import type { FireReply } from './decide-fire.ts';
import type { ScheduleEvent } from './events.ts';
import { DEFAULT_LIMITS, type ScheduleLimits } from './limits.ts';
import { itemOf, queueRow, scheduleOf, scheduleRow } from './rows.ts';
import { fireId, type ScheduleSettings } from './schedule.ts';
import { apply, emptyState, putItem, putSchedule } from './state.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (text: string): number => Date.parse(text);

/** A scheduler in memory: commands in, what happened out. */
function scheduler(limits: Partial<ScheduleLimits> = {}) {
  const state = emptyState();
  let now = at('2026-11-21T00:00:00Z');
  const tell = (command: ScheduleCommand): { events: readonly ScheduleEvent[]; reply: unknown } => {
    const decided = decide(state, command, {
      now,
      random: () => '80000000-0000-4000-8000-000000000000',
      limits: { ...DEFAULT_LIMITS, ...limits },
    });
    if ('refusal' in decided) throw decided.refusal;
    for (const event of decided.events) apply(state, event);
    return { events: decided.events, reply: decided.reply };
  };
  return {
    state,
    tell,
    setTime: (text: string) => {
      now = at(text);
    },
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    schedule: (config_id: string, settings: Partial<ScheduleSettings> = {}, tenant_id = 'acme') =>
      tell({
        type: 'create-schedule',
        config_id,
        tenant_id,
        provider: 'GCP',
        domain: 'COST',
        pipeline_template: 'billing_cost',
        settings: {
          schedule_cron: '0 2 * * *',
          timezone: 'UTC',
          is_active: true,
          priority: 5,
          parameters: {},
          max_retries: 3,
          catchup: 'latest',
          overlap: 'skip',
          dst: 'shift',
          ...settings,
        },
      }),
    fire: () => tell({ type: 'fire-due', limit: 10_000 }).reply as FireReply,
    next: (max = 100) => state.queue.pick(now, max).map((item) => item.run_id),
    start: (runId: string) => {
      tell({ type: 'claim-items', run_ids: [runId] });
      tell({ type: 'settle-claims', results: [{ run_id: runId, outcome: 'started' }] });
      return state.queue.get(runId)?.pipeline_logging_id as string;
    },
    finish: (pipeline_logging_id: string, status: 'COMPLETE' | 'FAILED' | 'CANCELLED', retryable = true, tenant_id = 'acme') =>
      tell({
        type: 'finish-run',
        tenant_id,
        pipeline_logging_id,
        status,
        retryable,
        error: status === 'COMPLETE' ? null : 'it broke',
      }).events.map((e) => e.type),
  };
}

describe('a fire enters the queue at most once', () => {
  test('a doubled tick finds nothing', () => {
    const s = scheduler();
    s.schedule('daily');
    s.setTime('2026-11-21T02:00:00Z');
    expect(s.fire()).toMatchObject({ due: 1, queued: 1 });
    expect(s.fire()).toMatchObject({ due: 0, queued: 0 });
    expect(s.next()).toEqual([fireId('daily', at('2026-11-21T02:00:00Z'))]);
  });
  test('the variables of the fire are of its own day in its own zone, however late it starts', () => {
    const s = scheduler();
    s.schedule('daily', {
      schedule_cron: '0 22 * * *',
      timezone: 'America/New_York',
      parameters: { date: '{yesterday}', month: '{last_month}' },
    });
    s.setTime('2026-11-22T03:00:00Z');
    s.fire();
    expect([...s.state.queue.items()][0]?.parameters).toEqual({ date: '2026-11-20', month: '2026-10' });
  });
});

describe('after an outage', () => {
  const outage = (catchup: ScheduleSettings['catchup'], limits: Partial<ScheduleLimits> = {}) => {
    const s = scheduler(limits);
    s.schedule('hourly', { schedule_cron: '0 * * * *', catchup, overlap: 'allow' });
    s.setTime('2026-11-21T10:30:00Z');
    return s.fire();
  };
  test('latest brings one run', () => expect(outage('latest')).toMatchObject({ due: 1, queued: 1 }));
  test('all brings all of them', () => expect(outage('all').queued).toBe(10));
  test('all stops at the cap, and says what was missed', () => {
    const reply = outage('all', { catchupFires: 4 });
    expect(reply.queued).toBe(4);
    expect(reply.skipped).toEqual([{ config_id: 'hourly', tenant_id: 'acme', reason: 'missed' }]);
  });
  test('none brings nothing that is late', () => expect(outage('none')).toMatchObject({ queued: 0 }));
  test('a fire within the grace is not late', () => {
    const s = scheduler();
    s.schedule('hourly', { schedule_cron: '0 * * * *', catchup: 'none' });
    s.setTime('2026-11-21T01:04:00Z');
    expect(s.fire().queued).toBe(1);
  });
});

describe('overlap', () => {
  const twice = (overlap: ScheduleSettings['overlap']) => {
    const s = scheduler();
    s.schedule('hourly', { schedule_cron: '0 * * * *', overlap });
    s.setTime('2026-11-21T01:00:00Z');
    s.fire();
    s.start(s.next()[0] as string);
    s.setTime('2026-11-21T02:00:00Z');
    return { s, second: s.fire() };
  };
  test('skip leaves the second out', () => expect(twice('skip').second.skipped[0]?.reason).toBe('overlap'));
  test('queue lets it wait behind the first', () => {
    const { s, second } = twice('queue');
    expect(second.queued).toBe(1);
    expect(s.next()).toEqual([]);
    s.finish([...s.state.queue.items()].find((i) => i.stage === 'running')?.pipeline_logging_id as string, 'COMPLETE');
    expect(s.next()).toHaveLength(1);
  });
  test('allow lets both run', () => expect(twice('allow').s.next()).toHaveLength(1));
});

describe('a failed run', () => {
  const failing = (limits: Partial<ScheduleLimits> = {}) => {
    const s = scheduler(limits);
    s.schedule('daily');
    s.setTime('2026-11-21T02:00:00Z');
    s.fire();
    return { s, id: s.next()[0] as string };
  };
  test('is tried again with growing pauses, then fails with everything recorded', () => {
    const { s, id } = failing();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = s.start(id);
      expect(s.finish(before, 'FAILED')).toEqual(['item-retried']);
      const notBefore = s.state.queue.get(id)?.not_before as number;
      pauses.push(notBefore);
      expect(s.next()).toEqual([]);
      s.pass(HOUR);
      expect(s.finish(before, 'FAILED')).toEqual(['place-freed']);
    }
    expect(s.finish(s.start(id), 'FAILED')).toEqual(['item-ended']);
    expect(s.state.queue.size).toBe(0);
    expect(s.state.ended.get(id)).toMatchObject({ state: 'FAILED', end_reason: 'retries_exhausted', error_message: 'it broke' });
    expect(s.state.schedules.get('daily')).toMatchObject({ last_run_status: 'FAILED', consecutive_failures: 1 });
  });
  test('that can not succeed later is not tried again', () => {
    const { s, id } = failing();
    expect(s.finish(s.start(id), 'FAILED', false)).toEqual(['item-ended']);
  });
  test('keeps its id over attempts, each attempt has its own', () => {
    const { s, id } = failing();
    const first = s.start(id);
    s.finish(first, 'FAILED');
    s.pass(HOUR);
    expect(s.start(id)).not.toBe(first);
  });
  test('warns and then pauses its schedule; switching it on forgives', () => {
    const { s } = failing({ warnAfterFailures: 2, pauseAfterFailures: 3 });
    const seen: string[] = [];
    for (let day = 21; day < 24; day++) {
      s.setTime(`2026-11-${day}T02:00:00Z`);
      s.fire();
      seen.push(...s.finish(s.start(s.next()[0] as string), 'FAILED', false));
    }
    expect(seen).toEqual(['item-ended', 'item-ended', 'schedule-warned', 'item-ended', 'schedule-paused']);
    expect(s.state.schedules.get('daily')).toMatchObject({
      is_active: false,
      next_run_time: null,
      paused_reason: expect.stringContaining('it broke'),
    });
    s.tell({ type: 'change-schedule', config_id: 'daily', changes: { is_active: true } });
    expect(s.state.schedules.get('daily')).toMatchObject({
      is_active: true,
      paused_reason: null,
      consecutive_failures: 0,
      next_run_time: at('2026-11-24T02:00:00Z'),
    });
  });
});

describe('admission says', () => {
  const claimed = () => {
    const s = scheduler();
    s.schedule('daily');
    s.schedule('other', { schedule_cron: '1 2 * * *' });
    s.setTime('2026-11-21T02:01:00Z');
    s.fire();
    const [id] = s.next();
    s.tell({ type: 'claim-items', run_ids: [id as string] });
    return { s, id: id as string };
  };
  test('not now for the tenant: nothing of it is picked until a place is free', () => {
    const { s, id } = claimed();
    s.tell({
      type: 'settle-claims',
      results: [{ run_id: id, outcome: 'held', scope: 'tenant', gate: 'quota.concurrent_exceeded', detail: 'full', expected: null }],
    });
    expect(s.next()).toEqual([]);
    s.finish('00000000-0000-4000-8000-000000000001', 'COMPLETE');
    expect(s.next()).toHaveLength(2);
  });
  test('not now for one item: the other goes', () => {
    const { s, id } = claimed();
    s.tell({
      type: 'settle-claims',
      results: [{ run_id: id, outcome: 'held', scope: 'item', gate: 'same_pipeline', detail: 'live', expected: null }],
    });
    expect(s.next()).toHaveLength(1);
    s.pass(MINUTE);
    expect(s.next()).toHaveLength(2);
  });
  test('nothing, because the scheduler died: the claim is taken up again as the same attempt, so that admission knows it', () => {
    const s = scheduler();
    s.schedule('a');
    s.setTime('2026-11-21T02:00:00Z');
    s.fire();
    const [id] = s.next() as [string];
    s.tell({ type: 'claim-items', run_ids: [id] });
    const first = s.state.queue.get(id)?.pipeline_logging_id;
    s.pass(2 * MINUTE);
    expect(s.start(id)).toBe(first);
    s.finish(first as string, 'FAILED');
    s.pass(HOUR);
    expect(s.start(id)).not.toBe(first);
  });

  test('nothing, because its answer was lost: the item goes back, and the end of the run still ends it', () => {
    const { s, id } = claimed();
    const run = s.state.queue.get(id)?.pipeline_logging_id as string;
    s.tell({
      type: 'settle-claims',
      results: [{ run_id: id, outcome: 'held', scope: 'item', gate: 'admission_unavailable', detail: 'lost', expected: null }],
    });
    expect(s.finish(run, 'COMPLETE')).toEqual(['item-ended']);
    expect(s.state.queue.get(id)).toBeUndefined();
  });
  test('nothing, ten times, because looking at it kills the process: it ends instead of spinning', () => {
    const { s, id } = claimed();
    for (let i = 0; i < 9; i++) {
      s.pass(2 * MINUTE);
      s.tell({ type: 'claim-items', run_ids: [id] });
    }
    s.pass(2 * MINUTE);
    expect(s.tell({ type: 'claim-items', run_ids: [id] }).events[0]).toMatchObject({ type: 'item-ended', reason: 'attempts_exhausted' });
  });
});

describe('bounds', () => {
  test('the backlog of a tenant', () => {
    const s = scheduler({ backlogPerTenant: 2 });
    for (const id of ['a', 'b', 'c']) s.schedule(id);
    s.schedule('d', {}, 'globex');
    s.setTime('2026-11-21T02:00:00Z');
    const reply = s.fire();
    expect(reply.queued).toBe(3);
    expect(reply.skipped.map((skip) => skip.reason)).toEqual(['backlog_full']);
  });
  test('the schedules of a tenant', () => {
    const s = scheduler({ schedulesPerTenant: 1 });
    s.schedule('a');
    expect(() => s.schedule('b')).toThrow('1 are allowed');
  });
  test('time to live: what waited longer ends and says why', () => {
    const s = scheduler();
    s.schedule('daily');
    s.setTime('2026-11-21T02:00:00Z');
    s.fire();
    s.pass(25 * HOUR);
    expect(s.tell({ type: 'sweep-queue' }).events.map((e) => e.type)).toEqual(['item-ended']);
  });
  test.each([
    ['0 0 30 2 *', 'UTC', {}, 'never fires'],
    ['0 2 * * *', 'Mars/Base', {}, 'not an IANA time zone'],
    ['0 2 * * *', 'UTC', { date: '{yesteryear}' }, '{yesteryear} is not known'],
  ])('%s in %s with %o is refused with words', (schedule_cron, timezone, parameters, words) => {
    expect(() => scheduler().schedule('bad', { schedule_cron, timezone, parameters })).toThrow(words);
  });
});

describe('the queue is fair', () => {
  /** Tenants that always have work; who gets how many of the next thousand places? */
  const shares = (weights: Readonly<Record<string, number>>, places: number) => {
    const s = scheduler({ backlogPerTenant: 5000 });
    for (const [tenant, weight] of Object.entries(weights)) {
      s.tell({ type: 'note-tenant', tenant_id: tenant, status: 'ACTIVE', weight });
      s.tell({
        type: 'request-backfill',
        backfill_id: `b-${tenant}`,
        tenant_id: tenant,
        provider: 'GCP',
        domain: 'COST',
        pipeline_template: 'billing_cost',
        max_concurrent: 5000,
        trigger_by: 'alice',
        asked_by: { kind: 'admin', userId: 'alice' },
        dates: Array.from({ length: 1000 }, (_, i) => ({ date: new Date(i * 86_400_000).toISOString().slice(0, 10), parameters: {} })),
      });
    }
    const counts: Record<string, number> = {};
    for (let left = places; left > 0; left -= 10) {
      const picked = s.next(10);
      s.tell({ type: 'claim-items', run_ids: picked });
      for (const id of picked) {
        const { tenant_id } = s.state.queue.get(id) as { tenant_id: string };
        counts[tenant_id] = (counts[tenant_id] ?? 0) + 1;
      }
    }
    return counts;
  };
  test('by weight, to within 5 % over a thousand dispatches', () => {
    const counts = shares({ starter: 1, professional: 2, scale: 4, other: 1 }, 1000);
    for (const [tenant, weight] of [
      ['starter', 1],
      ['professional', 2],
      ['scale', 4],
      ['other', 1],
    ] as const) {
      expect(Math.abs((counts[tenant] ?? 0) / ((1000 * weight) / 8) - 1)).toBeLessThan(0.05);
    }
  });
  const tenDays = {
    type: 'request-backfill',
    backfill_id: 'b',
    tenant_id: 'acme',
    provider: 'GCP',
    domain: 'COST',
    pipeline_template: 'billing_cost',
    max_concurrent: 3,
    trigger_by: 'alice',
    asked_by: { kind: 'admin', userId: 'alice' },
    dates: Array.from({ length: 10 }, (_, i) => ({ date: `2026-01-${10 + i}`, parameters: {} })),
  } as const;
  test('a backfill that is asked for by two at once is one', () => {
    const s = scheduler();
    for (let i = 0; i < 2; i++) s.tell(tenDays);
    expect(s.state.backfills.get('b')).toMatchObject({ remaining: 10 });
    expect(s.state.queue.backlogOf('acme')).toBe(10);
  });
  test('live work goes before every backfill, and backfills keep to their cap', () => {
    const s = scheduler();
    s.tell(tenDays);
    s.schedule('daily', {}, 'globex');
    s.setTime('2026-11-21T02:00:00Z');
    s.fire();
    const picked = s.next().map((id) => s.state.queue.get(id)?.lane);
    expect(picked).toEqual(['live', 'backfill', 'backfill', 'backfill']);
  });
  test('higher priority goes first inside a tenant, yet an hour of waiting outweighs it', () => {
    const s = scheduler();
    s.schedule('low', { priority: 1, schedule_cron: '0 2 * * *' });
    s.schedule('high', { priority: 10, schedule_cron: '5 2 * * *' });
    s.schedule('late', { priority: 10, schedule_cron: '0 3 * * *' });
    for (const time of ['02:00', '02:05', '03:00']) {
      s.setTime(`2026-11-21T${time}:00Z`);
      s.fire();
    }
    expect(s.next().map((id) => s.state.queue.get(id)?.config_id)).toEqual(['high', 'low', 'late']);
  });
});

describe('a bad night', () => {
  test('a clock that was an hour ahead and came back fires nothing twice', () => {
    const s = scheduler();
    s.schedule('half-hourly', { schedule_cron: '*/30 * * * *', overlap: 'allow', catchup: 'all' });
    s.setTime('2026-11-21T01:00:00Z');
    const ahead = s.fire().queued;
    s.setTime('2026-11-21T00:01:00Z');
    for (let i = 0; i < 62; i++) {
      s.pass(MINUTE);
      s.fire();
    }
    expect(ahead).toBe(2);
    expect([...s.state.queue.items()].map((item) => item.scheduled_time)).toEqual([at('2026-11-21T00:30:00Z'), at('2026-11-21T01:00:00Z')]);
  });
  test('a thousand schedules with large parameters go into the journal in pieces that it takes', () => {
    const s = scheduler({ schedulesPerTenant: 5000, backlogPerTenant: 5000 });
    for (let i = 0; i < 1000; i++) s.schedule(`s${i}`, { parameters: { list: 'x'.repeat(10_000) } });
    s.setTime('2026-11-21T02:00:00Z');
    let queued = 0;
    for (let more = true; more; ) {
      const { events, reply } = s.tell({ type: 'fire-due', limit: 5000 });
      expect(JSON.stringify(events).length).toBeLessThan(5_000_000);
      queued += (reply as FireReply).queued;
      more = (reply as FireReply).more;
    }
    expect(queued).toBe(1000);
  });
  test('thousands that expired together are swept in pieces', () => {
    const s = scheduler({ schedulesPerTenant: 5000, backlogPerTenant: 5000 });
    for (let i = 0; i < 2500; i++) s.schedule(`s${i}`);
    s.setTime('2026-11-21T02:00:00Z');
    while (s.fire().more);
    s.pass(25 * HOUR);
    expect(s.tell({ type: 'sweep-queue' }).reply).toEqual({ swept: 2000, more: true });
    expect(s.tell({ type: 'sweep-queue' }).reply).toEqual({ swept: 500, more: false });
    expect(s.state.queue.size).toBe(0);
  });
  test('due at one minute by the hundred thousand: the next one is still found', () => {
    const s = scheduler();
    for (let i = 0; i < 200_000; i++) s.state.due.add(`s${i}`, 60_000 + (i % 1000));
    expect(s.state.due.earliest).toBe(60_000);
  });
});

test('a failed attempt that is tried again later gives its place to the next at once', () => {
  const s = scheduler();
  s.schedule('a');
  s.schedule('b');
  s.setTime('2026-11-21T02:00:00Z');
  s.fire();
  const [first, second] = s.next() as [string, string];
  const run = s.start(first);
  s.tell({ type: 'claim-items', run_ids: [second] });
  s.tell({
    type: 'settle-claims',
    results: [{ run_id: second, outcome: 'held', scope: 'tenant', gate: 'quota.concurrent_exceeded', detail: 'full', expected: null }],
  });
  expect(s.next()).toEqual([]);
  s.finish(run, 'FAILED');
  expect(s.next()).toEqual([second]);
});

test('what the tables say is enough to go on', () => {
  const s = scheduler();
  s.schedule('daily', { parameters: { date: '{yesterday}' } });
  s.schedule('other', { schedule_cron: '1 2 * * *' });
  s.setTime('2026-11-21T02:01:00Z');
  s.fire();
  s.start(s.next()[0] as string);
  const copy = emptyState();
  for (const schedule of s.state.schedules.values()) putSchedule(copy, scheduleOf(scheduleRow(schedule), 0));
  for (const item of s.state.queue.items()) putItem(copy, itemOf(queueRow(item, null)));
  expect([...copy.schedules.values()]).toEqual([...s.state.schedules.values()]);
  expect([...copy.queue.items()]).toEqual([...s.state.queue.items()]);
  expect(copy.due.earliest).toBe(s.state.due.earliest);
});
