import { type DqResult, Refusal, type RunSpec, Transient, tenantId } from '@convergence/contracts';
import { newRecord, type RunRecord } from '@convergence/runs';
import { describe, expect, test } from '@jest/globals';
import { AT_ONCE, LargePages } from './large-pages.ts';
import { RunIndex } from './run-index.ts';
import type { RunTable } from './run-table.ts';
import { Runs } from './runs.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const at = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();
function record(n: number, tenant = 'acme', status: RunRecord['status'] = 'COMPLETE'): RunRecord {
  const made = newRecord({ run_id: id(n), tenant_id: tenant, pipeline_id: `${tenant}-gcp-cost-x` }, at(n));
  made.status = status;
  made.spec = { provider: 'gcp', domain: 'cost', template: 'x', trigger_type: 'api' } as RunSpec;
  return made;
}
const signal = new AbortController().signal;
const clock = { now: () => 0, sleep: () => new Promise<void>(() => undefined) };
const large = () => new LargePages(clock, () => undefined);

/** A table that holds everything, the memory only the newest. */
function given(count: number, capacity: number) {
  const all = Array.from({ length: count }, (_, n) => record(n, n % 3 === 0 ? 'globex' : 'acme', n % 10 === 0 ? 'FAILED' : 'COMPLETE'));
  const index = new RunIndex(capacity);
  for (const one of all) index.add(one);
  const asked: number[] = [];
  const read: number[] = [];
  const table = {
    list: async (
      filter: { tenantId?: string; status?: string; after?: string },
      before: { admitted_at: string; run_id?: string } | undefined,
      limit: number,
    ) => {
      asked.push(limit);
      const inTime = all.filter((r) => (!filter.after || r.admitted_at > filter.after) && (!before || r.admitted_at <= before.admitted_at));
      read.push(inTime.length);
      return inTime
        .filter((r) => !filter.tenantId || r.tenant_id === filter.tenantId)
        .filter((r) => !filter.status || r.status === filter.status)
        .filter((r) => !before?.run_id || r.admitted_at < before.admitted_at || r.run_id < before.run_id)
        .reverse()
        .slice(0, limit);
    },
    get: async (runId: string) => all.find((r) => r.run_id === runId),
  } as unknown as RunTable;
  const owner = { call: async () => Promise.reject(new Refusal('run.not_found', 'no')) };
  return { runs: new Runs(index, table, owner as never, clock, large()), asked, read, index, all };
}
async function everything(runs: Runs, tenant: string | undefined, limit: number, status?: string): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await runs.list({ tenantId: tenant, status }, cursor, limit, signal);
    seen.push(...page.items.map((r) => r.run_id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return seen;
}

describe('the list of runs', () => {
  test.each([
    [undefined, undefined],
    ['acme', undefined],
    ['globex', 'FAILED'],
    ['acme', 'FAILED'],
  ])('of %s with status %s: page by page each run once, newest first, across memory and table', async (tenant, status) => {
    const { runs, all } = given(200, 50);
    const expected = all
      .filter((r) => (!tenant || r.tenant_id === tenant) && (!status || r.status === status))
      .map((r) => r.run_id)
      .reverse();
    expect(await everything(runs, tenant, 7, status)).toEqual(expected);
  });

  test('a page from the table reads about the time that its rows span, not all before it; where runs are rare, the rest as well', async () => {
    const { runs, read, all } = given(40_000, 50);
    expect((await everything(runs, 'acme', 500)).length).toBe(all.filter((r) => r.tenant_id === 'acme').length);
    // The last page finds the end.
    expect(read.slice(0, -2).every((rows) => rows < 4_000)).toBe(true);
    expect(read.length).toBeLessThan(60);
    expect(await everything(runs, 'acme', 500, 'FAILED')).toHaveLength(
      all.filter((r) => r.tenant_id === 'acme' && r.status === 'FAILED').length,
    );
  });

  test('of large pages from the table a few are read at once', async () => {
    let [atOnce, most] = [0, 0];
    const index = new RunIndex(10);
    for (let n = 0; n < 50; n++) index.add(record(n));
    const table = {
      list: async () => {
        most = Math.max(most, ++atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce--;
        return [];
      },
    } as unknown as RunTable;
    const runs = new Runs(index, table, undefined as never, clock, large());
    const asked = (limit: number) =>
      Array.from({ length: 20 }, (_, n) => runs.list({ tenantId: 'acme', from: at(-n - limit) }, undefined, limit, signal));
    await Promise.all(asked(500));
    expect(most).toBe(AT_ONCE);
    await Promise.all(asked(50));
    expect(most).toBe(20);
  });

  test('the first page of recent runs does not ask the table', async () => {
    const { runs, asked } = given(200, 50);
    await runs.list({ tenantId: 'acme' }, undefined, 20, signal);
    expect(asked).toEqual([]);
  });

  test('runs that leave the memory are in the list at once, also where the table had none before', async () => {
    const { runs, index, all, asked } = given(0, 50);
    const add = (n: number, tenant: string) => {
      const one = record(n, tenant);
      all.push(one);
      index.add(one);
    };
    for (let n = 0; n < 60; n++) add(n, 'globex');
    for (let n = 60; n < 70; n++) add(n, 'acme');
    const shown = async () => (await runs.list({ tenantId: 'acme' }, undefined, 20, signal)).items.length;
    expect([await shown(), await shown(), asked.length]).toEqual([10, 10, 1]);
    for (let n = 70; n < 115; n++) add(n, 'globex');
    expect([await shown(), asked.length]).toEqual([10, 2]);
  });

  test('a live run stays in memory however old it is, and is listed in its place', async () => {
    const { runs, index, all } = given(0, 50);
    const live = record(1, 'acme', 'RUNNING');
    all.push(live);
    index.add(live);
    for (let n = 2; n < 200; n++) {
      const one = record(n);
      all.push(one);
      index.add(one);
    }
    expect(index.get(live.run_id)).toBe(live);
    expect(await everything(runs, 'acme', 30)).toEqual(all.map((r) => r.run_id).reverse());
  });

  test('a cursor that nobody gave is refused', async () => {
    const { runs } = given(3, 50);
    await expect(runs.list({ tenantId: 'acme' }, 'nonsense', 5, signal)).rejects.toMatchObject({ code: 'request.invalid' });
  });

  test("another tenant's run does not exist", async () => {
    const { runs } = given(10, 50);
    const principal = (tenant: string) => ({ kind: 'tenant' as const, tenantId: tenantId(tenant), keyId: 'k', scopes: [] });
    await expect(runs.get(id(3), principal('acme'))).rejects.toMatchObject({ code: 'run.not_found' });
    expect((await runs.get(id(3), principal('globex'))).run_id).toBe(id(3));
  });
});

test('a run that nobody here has heard of yet is answered from who admitted it', async () => {
  const run = { run_id: id(7), tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x', provider: 'gcp' } as RunSpec;
  const owner = { call: async () => ({ run, status: 'PENDING', live: true, admitted_at: at(7) }) };
  const table = { get: async () => undefined } as unknown as RunTable;
  const runs = new Runs(new RunIndex(10), table, owner as never, clock, large());
  const principal = (tenant: string) => ({ kind: 'tenant' as const, tenantId: tenantId(tenant), keyId: 'k', scopes: [] });
  expect(await runs.get(id(7), principal('acme'))).toMatchObject({ run_id: id(7), status: 'PENDING', admitted_at: at(7), spec: run });
  await expect(runs.get(id(7), principal('globex'))).rejects.toMatchObject({ code: 'run.not_found' });
});

describe('a run that is not in memory', () => {
  const run = { run_id: id(7), tenant_id: 'acme', pipeline_id: 'acme-gcp-cost-x', provider: 'gcp' } as RunSpec;
  const anybody = { kind: 'admin' as const };
  const given = (owner: () => Promise<unknown>, row: RunRecord | undefined) =>
    new Runs(new RunIndex(10), { get: async () => row } as unknown as RunTable, { call: owner } as never, clock, large());
  const ended = async () => ({ run, status: 'COMPLETE', admitted_at: at(7), started_at: at(8), ended_at: at(9) });

  test('that ended before its row was written is known from its owner', async () => {
    expect(await given(ended, undefined).get(id(7), anybody)).toMatchObject({ status: 'COMPLETE', ended_at: at(9), spec: run });
    // Where there is a row, that says more.
    expect((await given(ended, record(7, 'acme', 'FAILED')).get(id(7), anybody)).status).toBe('FAILED');
  });

  test("is answered from the table while its owner is away; one that may be the owner's asks to come again", async () => {
    const away = () => Promise.reject(new Transient('away'));
    expect((await given(away, record(7)).get(id(7), anybody)).run_id).toBe(id(7));
    await expect(given(away, undefined).get(id(7), anybody)).rejects.toThrow('away');
  });
});

test('what this instance did not hear of the steps of a run comes from the log of its dataset', async () => {
  const step = (step_id: string, status: 'COMPLETE' | 'RUNNING') => ({ step_id, step_type: 't', status, attempt: 1 }) as never;
  const table = { steps: async () => [step('first', 'COMPLETE')] } as unknown as RunTable;
  const runs = new Runs(new RunIndex(10), table, undefined as never, clock, large());
  const resumed = record(1, 'acme', 'RUNNING');
  resumed.started_at = at(1);
  resumed.steps.set('second', step('second', 'RUNNING'));
  const names = async () => (await runs.steps(resumed)).map((s) => `${s.step_id} ${s.status}`);
  expect(await names()).toEqual(['first COMPLETE', 'second RUNNING']);
  resumed.status = 'COMPLETE';
  resumed.steps.set('second', step('second', 'COMPLETE'));
  expect(await names()).toEqual(['first COMPLETE', 'second COMPLETE']);
  resumed.whole = true;
  expect(await names()).toEqual(['second COMPLETE']);
});

describe('a retry of a retry', () => {
  const dq = (run: number, step_id: string, status: string) => ({ pipeline_logging_id: id(run), step_id, status }) as never;
  const retry = (n: number, of?: number) => {
    const one = record(n);
    one.started_at = at(n);
    if (of !== undefined) one.spec = { ...(one.spec as RunSpec), retry_of: id(of) };
    return one;
  };
  const last = retry(3, 2);
  /** The last one is in memory, the others in the table only. */
  function given(rows: readonly DqResult[], steps: Readonly<Record<string, string>>, older: readonly RunRecord[] = [retry(2, 1)]) {
    const index = new RunIndex(10);
    index.add(last);
    let asked = 0;
    const table = {
      retried: async () => {
        asked += 1;
        return new Map(older.map((one) => [one.run_id, one.spec?.retry_of]));
      },
      steps: async () => Object.entries(steps).map(([step_id, status]) => ({ step_id, step_type: 'dq.check', status })),
      dq: async (_: string, runIds: readonly string[]) => rows.filter((row) => runIds.includes(row.pipeline_logging_id)),
    } as unknown as RunTable;
    return Object.assign(new Runs(index, table, undefined as never, clock, large()), { asked: () => asked });
  }

  test('names all runs before it, the first one first', async () => {
    expect(await given([], {}).attempts(last)).toEqual([id(1), id(2), id(3)]);
    expect(await given([], {}).attempts(retry(1))).toEqual([id(1)]);
  });

  test('asks the table once, however many there are', async () => {
    const older = Array.from({ length: 30 }, (_, i) => retry(i + 11, i + 10));
    const runs = given([], {}, older);
    expect(await runs.attempts(retry(41, 40))).toEqual(Array.from({ length: 32 }, (_, i) => id(i + 10)));
    expect(runs.asked()).toBe(1);
  });

  test('ends where somebody made a circle of them by hand', async () => {
    expect(await given([], {}, [retry(2, 1), retry(1, 3)]).attempts(last)).toEqual([id(1), id(2), id(3)]);
  });

  test('shows of steps that it did what it found, of those that it kept what the last run found that did them, of others nothing', async () => {
    const kept = dq(2, 'kept', 'passed');
    const own = dq(3, 'own', 'failed');
    const rows = [dq(1, 'kept', 'failed'), kept, dq(1, 'own', 'failed'), own, dq(1, 'to_come', 'failed')];
    expect(await given(rows, { kept: 'COMPLETE', own: 'FAILED', to_come: 'SKIPPED' }).dq(last)).toEqual([kept, own]);
  });
});
