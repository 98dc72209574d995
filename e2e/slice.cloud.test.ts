import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { googleBus, googleJournalStore, googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner, warehouseOwnerStore } from '@convergence/journal';
import type { Clock } from '@convergence/ports';
import { openSlice, type Slice, type SliceDefinition, type SliceLog, warehouseTables } from '@convergence/slice';
import { checkpointed, schedulerJournal, sliceOwners } from '@convergence/tables';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

/** Counters with a limit that people may edit: applying an event twice shows. */
type Command =
  | { readonly do: 'add'; readonly name: string; readonly by: number }
  | { readonly do: 'limit'; readonly name: string; readonly limit: number };
type Event =
  | { readonly type: 'added'; readonly name: string; readonly by: number }
  | { readonly type: 'limited'; readonly name: string; readonly limit: number };
type State = Map<string, { value: number; limit: number }>;

const countersTable = {
  name: 'counters',
  description: 'Counters',
  columns: [
    { name: 'name', type: 'STRING', required: true, description: 'Key' },
    { name: 'value', type: 'INT64', required: true, description: 'Sum' },
    { name: 'limit', type: 'INT64', required: true, description: 'Most' },
  ],
};
const counters: SliceDefinition<State, Command, Event> = {
  name: 'counters',
  initial: () => new Map(),
  decide(state, command) {
    if (command.do === 'limit') return { events: [{ type: 'limited', name: command.name, limit: command.limit }], reply: null };
    const value = (state.get(command.name)?.value ?? 0) + command.by;
    return { events: [{ type: 'added', name: command.name, by: command.by }], reply: value };
  },
  apply(state, event) {
    const counter = state.get(event.name) ?? { value: 0, limit: 100 };
    state.set(event.name, counter);
    if (event.type === 'added') counter.value += event.by;
    else counter.limit = event.limit;
  },
  subject: (event) => event.name,
  outbox: () => [],
  tables: [
    {
      table: countersTable,
      key: ['name'],
      touches: (event) => [event.name],
      row: (state, name) => state.get(name) && { name, ...state.get(name) },
      load(state, rows) {
        for (const r of rows) state.set(String(r.name), { value: Number(r.value), limit: Number(r.limit) });
      },
      adopt: (state, row) =>
        state.get(String(row.name))?.limit === Number(row.limit) ? [] : [{ do: 'limit', name: String(row.name), limit: Number(row.limit) }],
    },
  ],
};

const clock: Clock = { now: Date.now, sleep: async (ms, signal) => void (await sleep(ms, undefined, signal ? { signal } : {})) };
const nothing = () => undefined;
const log: SliceLog = { info: nothing, warn: nothing, error: nothing };
const JOURNAL = 'counters_journal';

let cloud: LocalCloud;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  cloud = await startLocalCloud();
}, 60_000);
afterAll(async () => {
  await Promise.allSettled(closing.map((close) => close()));
  await cloud?.stop();
}, 60_000);

let datasets = 0;
async function cell() {
  const dataset = `cell_${++datasets}`;
  const config = { project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) };
  const warehouse = googleWarehouse(config);
  await warehouse.createDataset(dataset, { location: 'US', description: 'test' });
  await Promise.all(
    [sliceOwners, { ...schedulerJournal, name: JOURNAL }, checkpointed(countersTable)].map((t) => warehouse.createTable(dataset, t)),
  );
  await provisionOwner(warehouse, dataset, 'counters');
  closing.push(() => warehouse.close());
  async function open(): Promise<Slice<State, Command>> {
    const journal = googleJournalStore(config, warehouse, { dataset, name: JOURNAL });
    const bus = googleBus(config);
    closing.push(
      () => journal.close(),
      () => bus.close(),
    );
    const slice = await openSlice({
      definition: counters,
      journal,
      bus,
      owners: warehouseOwnerStore(warehouse, dataset),
      tables: warehouseTables(warehouse, dataset),
      clock,
      instance: randomUUID(),
      checkpointSeconds: 3_600,
      refreshSeconds: 3_600,
      holdSeconds: 0,
      log,
    });
    closing.push(() => slice.close());
    return slice;
  }
  const rows = async () => (await warehouse.run({ sql: `SELECT name, value, \`limit\` FROM ${dataset}.counters ORDER BY name` })).rows;
  return { dataset, warehouse, open, rows };
}
const add = (slice: Slice<State, Command>, name: string, by = 1) => slice.execute<number>({ do: 'add', name, by });

describe('a slice on local-cloud', () => {
  test('answers, shows its tables at a checkpoint, and goes on after a clean hand-over', async () => {
    const { open, rows } = await cell();
    const first = await open();
    await Promise.all(Array.from({ length: 200 }, (_, i) => add(first, `c${i % 3}`)));
    await first.checkpoint();
    expect(await rows()).toEqual([
      { name: 'c0', value: 67, limit: 100 },
      { name: 'c1', value: 67, limit: 100 },
      { name: 'c2', value: 66, limit: 100 },
    ]);
    await add(first, 'c2');
    await first.close();
    const second = await open();
    expect(await add(second, 'c2')).toBe(68);
    expect(second.figures.epoch).toBe(2);
  }, 60_000);

  test('6: the newest of two owners wins; the other answers owner.changing, is told, and leaves no trace', async () => {
    const { open } = await cell();
    const old = await open();
    let told = '';
    old.onFenced((reason) => {
      told = reason;
    });
    await add(old, 'c', 5);
    const young = await open();
    await expect(add(old, 'c', 100)).rejects.toMatchObject({ name: 'Transient', code: 'owner.changing' });
    expect(told).toMatch(/took over/);
    expect(() => old.state).toThrow();
    expect(await add(young, 'c')).toBe(6);
  }, 60_000);

  test('6: of several that start at once exactly one serves', async () => {
    const { open } = await cell();
    const opened = await Promise.allSettled(Array.from({ length: 4 }, open));
    const serving = [];
    for (const o of opened) if (o.status === 'fulfilled') serving.push(await add(o.value, 'c').catch(() => 'lost'));
    expect(serving.filter((answer) => answer === 1)).toHaveLength(1);
  }, 60_000);

  test('1 and 7: what was answered outlives kill -9 of the warehouse, with no checkpoint or half of one', async () => {
    const { open, rows } = await cell();
    const first = await open();
    for (let i = 0; i < 20; i += 1) await add(first, 'c');
    const halfway = first.checkpoint().catch(() => undefined);
    for (let i = 0; i < 20; i += 1) await add(first, 'c');
    await cloud.kill();
    await expect(add(first, 'c', 1_000_000).then(() => 'answered')).rejects.toMatchObject({ name: 'Transient' });
    await cloud.start();
    await halfway;
    const second = await open();
    const value = await add(second, 'c');
    // The one that heard Transient may have happened or not; all others did.
    expect([41, 1_000_041]).toContain(value);
    await second.checkpoint();
    expect(await rows()).toEqual([{ name: 'c', value, limit: 100 }]);
  }, 120_000);

  test('10: an edit by hand is adopted and journalled; one that differs only in what nobody may edit is undone', async () => {
    const { open, rows, warehouse, dataset } = await cell();
    const slice = await open();
    await add(slice, 'c', 7);
    await slice.checkpoint();
    expect(await slice.refresh()).toBe(0);
    await warehouse.run({ sql: `UPDATE ${dataset}.counters SET \`limit\` = 1 WHERE name = 'c'` });
    expect(await slice.refresh()).toBe(1);
    expect(slice.state.get('c')).toEqual({ value: 7, limit: 1 });
    await warehouse.run({ sql: `UPDATE ${dataset}.counters SET value = 1000 WHERE name = 'c'` });
    expect(await slice.refresh()).toBe(1);
    await slice.checkpoint();
    expect(await rows()).toEqual([{ name: 'c', value: 7, limit: 1 }]);
    expect(await slice.refresh()).toBe(0);
    const { rows: journal } = await warehouse.run({ sql: `SELECT actor FROM ${dataset}.${JOURNAL} WHERE type = 'limited'` });
    expect(journal).toEqual([{ actor: '{"kind":"edit"}' }]);
  }, 60_000);

  test('3 and 7: answers lost after their effect, and refusals, double and lose nothing; every fault was really met', async () => {
    const { open, rows } = await cell();
    const control = async (method: string, body?: object) => {
      const answer = await fetch(`${cloud.env.BIGQUERY_EMULATOR_HOST}/__control/faults`, {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return (await answer.json().catch(() => ({}))) as Record<string, { fired: number }>;
    };
    const first = await open();
    await add(first, 'c');
    const plans = {
      'storage-write.answer_lost': { probability: 0.3, times: 4 },
      'storage-write.unavailable': { probability: 0.3, times: 4 },
      // Together fewer than the warehouse tries again: a checkpoint that met them all would fail rightly.
      'bigquery.answer_lost': { probability: 0.5, times: 3 },
      'bigquery.unavailable': { probability: 0.3, times: 3 },
    };
    await control('PUT', plans);
    let answered = 1;
    const failed: unknown[] = [];
    for (let round = 0; round < 12; round += 1) {
      const added = await Promise.allSettled(Array.from({ length: 10 }, () => add(first, 'c')));
      for (const a of added)
        if (a.status === 'fulfilled') answered += 1;
        else failed.push(a.reason);
      // On a slow machine the faults together may take longer than a stall may: then it fails, and the next one writes the same rows.
      await first.checkpoint().catch((reason: unknown) => expect(reason).toMatchObject({ code: 'service.unavailable' }));
      for (let i = 0; !first.ready && i < 100; i += 1) await sleep(50);
    }
    for (const reason of failed) expect(reason).toMatchObject({ name: 'Transient', code: 'service.unavailable' });
    const met = await control('GET');
    for (const point of Object.keys(plans)) expect(`${point} ${Number(met[point]?.fired) > 0}`).toBe(`${point} true`);
    await control('DELETE');
    // Each answered command counted once; one that heard Transient happened once or not at all.
    const value = await add(first, 'c');
    expect(value).toBeGreaterThanOrEqual(answered + 1);
    expect(value).toBeLessThanOrEqual(answered + failed.length + 1);
    const second = await open();
    expect(await add(second, 'c')).toBe(value + 1);
    await second.checkpoint();
    expect(await rows()).toEqual([{ name: 'c', value: value + 1, limit: 100 }]);
  }, 120_000);
});
