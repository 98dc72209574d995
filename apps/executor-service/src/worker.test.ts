import type { Settlement } from '@convergence/ports';
import type { Received } from '@convergence/service';
import { keptLog, virtualClock } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import type { Requested } from './execution/announcer.ts';
import type { ExecutionEnd, Hold } from './execution/hold.ts';
import type { RunStopped } from './execution/stop.ts';
import { Worker } from './worker.ts';

const run = (id: string, tenant = 'acme', lane: 'live' | 'backfill' = 'live') => ({ run_id: id, tenant_id: tenant, lane }) as Requested;

function given(concurrency: number, ended: readonly string[] = [], tells = true) {
  const drain = new AbortController();
  const unstarted: string[] = [];
  const running = new Map<string, { hold: Hold; finish: (end: ExecutionEnd) => void; fail: (error: unknown) => void }>();
  const started: string[] = [];
  const worker = new Worker({
    concurrency,
    clock: virtualClock(),
    log: keptLog() as never,
    drain: drain.signal,
    drainGraceMs: 1000,
    execute: (r, hold) =>
      new Promise((finish, fail) => {
        started.push(r.run_id);
        running.set(r.run_id, { hold, finish, fail });
        hold.stop.signal.addEventListener(
          'abort',
          () => tells && finish(hold.stop.signal.reason.kind === 'cancelled' ? 'ended' : 'handed_back'),
        );
      }),
    endUnstarted: async (r) => {
      unstarted.push(r.run_id);
    },
    hasEnded: (id) => ended.includes(id),
    mayHaveBegun: () => false,
  });
  const settled = new Map<string, Settlement['outcome']>();
  const take = (r: Requested, deliveryAttempt = 1) => {
    const lease = new AbortController();
    void worker
      .take({ data: r, deliveryAttempt, signal: lease.signal } as Received<Requested>)
      .then((s) => settled.set(r.run_id, s.outcome));
    return lease;
  };
  return { worker, take, settled, started, running, drain, unstarted };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the runs in hand', () => {
  test('never more in work than there are places, and the next place goes to the tenant with the fewest', async () => {
    const { take, started, running } = given(2);
    for (const id of ['a1', 'a2', 'a3']) take(run(id, 'a'));
    take(run('b1', 'b'));
    expect(started).toEqual(['a1', 'a2']);
    running.get('a1')?.finish('ended');
    await turn();
    expect(started).toEqual(['a1', 'a2', 'b1']);
  });

  test('a run is acked when its end was told, and comes again when it was handed back or failed to be told', async () => {
    const { take, settled, running } = given(3);
    for (const id of ['told', 'back', 'broken']) take(run(id));
    running.get('told')?.finish('ended');
    running.get('back')?.finish('handed_back');
    running.get('broken')?.fail(new Error('tenant-service is away'));
    await turn();
    expect(Object.fromEntries(settled)).toEqual({ told: 'done', back: 'again', broken: 'again' });
  });

  test('a lost lease stops the run here without a word', async () => {
    const { take, settled, running } = given(1);
    const lease = take(run('r'));
    lease.abort();
    await turn();
    expect((running.get('r')!.hold.stop.signal.reason as RunStopped).kind).toBe('lease_lost');
    expect(settled.get('r')).toBe('again');
  });

  test('cancelled: a running one is stopped, a waiting one ends at once, one that is on its way does not start', async () => {
    const { worker, take, settled, started, unstarted } = given(1);
    take(run('running'));
    take(run('waiting'));
    worker.cancel('running', 'by me');
    worker.cancel('waiting', 'by me');
    worker.cancel('coming', 'by me');
    take(run('coming'));
    await turn();
    await turn();
    expect(started).toEqual(['running']);
    expect(unstarted).toEqual(['waiting', 'coming']);
    expect(Object.fromEntries(settled)).toEqual({ running: 'done', waiting: 'done', coming: 'done' });
  });

  test('draining hands back what waits at once and takes nothing more; what runs gets to the end of its step', async () => {
    const { worker, take, settled, drain, running } = given(1);
    take(run('running'));
    take(run('waiting'));
    drain.abort();
    take(run('late'));
    await turn();
    expect(Object.fromEntries(settled)).toEqual({ waiting: 'again', late: 'again' });
    expect(running.get('running')?.hold.drain.aborted).toBe(true);
    expect(worker.runIds).toEqual(['running']);
  });

  test('a run that has ended is not executed again, and one in work here not twice', async () => {
    const { take, settled, started } = given(2, ['old']);
    take(run('old'));
    take(run('twice'));
    take(run('twice'), 2);
    await turn();
    expect(started).toEqual(['twice']);
    expect(settled.get('old')).toBe('done');
  });

  test('every run in hand is named for the heartbeat, waiting ones too', () => {
    const { worker, take } = given(1);
    take(run('a'));
    take(run('b'));
    expect(worker.runIds).toEqual(['a', 'b']);
  });

  test('a cancellation outlives an end that could not be told: the run does not start again', async () => {
    const { worker, take, settled, running, started, unstarted } = given(1, [], false);
    take(run('r'));
    take(run('next'));
    for (const id of ['r', 'next']) worker.cancel(id, 'no more');
    running.get('r')?.fail(new Error('Pub/Sub is away'));
    await turn();
    expect(settled.get('r')).toBe('again');
    take(run('r'), 2);
    await turn();
    expect([settled.get('r'), started, unstarted]).toEqual(['done', ['r'], ['next', 'r']]);
  });
});
