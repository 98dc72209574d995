/** Work that was answered survives kill -9, and nothing half done does: mixed load, many kills, then the counts agree. KILLS=50 for the long run. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';
import { EXPIRED } from './jobs/results.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;
/** Enough to change hands instead of being copied. */
const EXCHANGED = 100_000;
const KILLS = Number(process.env.KILLS ?? 8);

let cloud: StartedProcess;
const post = async (path: string, body: unknown): Promise<Json> => {
  const response = await fetch(`${cloud.addresses.bigquery}/projects/p${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  return response.json();
};
const query = (sql: string, more: object = {}) => post('/queries', { query: sql, useLegacySql: false, ...more });
const one = async (sql: string): Promise<number> => Number((await query(sql)).rows[0].f[0].v);
const column = async (sql: string): Promise<string[]> => {
  const answer = await query(sql, { maxResults: 50_000 });
  return (answer.rows ?? []).map((row: Json) => row.f[0].v);
};

beforeAll(async () => {
  cloud = await startProcess();
  await query('create schema d');
  await query('create table d.inserted (n int64)');
  await query('create table d.streamed (n int64)');
  await query('create table d.balance (id int64, amount int64)');
  await query('insert d.balance values (1, 1000000), (2, 0)');
  await query('create table d.merged (id int64, version int64)');
  await query('create table d.exchanged (id int64, version int64)');
});
afterAll(() => cloud.dispose());

test(
  `${KILLS} kills under mixed load`,
  async () => {
    const acknowledged = { inserted: new Set<string>(), streamed: new Set<string>(), tables: new Set<string>(), version: 0, exchanged: 0 };
    const sent = { inserted: new Set<string>(), streamed: new Set<string>(), version: 0 };
    let next = 0;
    let stop = false;
    const worker = (work: (n: number) => Promise<void>) => async () => {
      while (!stop) await work(next++).catch(() => undefined);
    };
    const workers = [
      worker(async (n) => {
        sent.inserted.add(String(n));
        // The same requestId again after a crash must not insert twice.
        const request = () => query(`insert d.inserted values (${n})`, { requestId: `r${n}` });
        const answer = await request().catch(async () => {
          await new Promise((resolve) => setTimeout(resolve, 200));
          return request();
        });
        if (answer.numDmlAffectedRows === '1') acknowledged.inserted.add(String(n));
      }),
      worker(async (n) => {
        sent.streamed.add(String(n));
        const answer = await post('/datasets/d/tables/streamed/insertAll', { rows: [{ insertId: String(n), json: { n } }] });
        if (answer.kind && !answer.insertErrors) acknowledged.streamed.add(String(n));
      }),
      worker(async () => {
        await query(
          'begin transaction; update d.balance set amount = amount - 1 where id = 1; update d.balance set amount = amount + 1 where id = 2; commit transaction;',
        );
      }),
      worker(async (n) => {
        const answer = await query(`create table d.made_${n} as select ${n} as n, x from unnest(generate_array(1, 100)) as x`);
        if (!answer.error) acknowledged.tables.add(`made_${n}`);
      }),
      worker(async () => {
        const version = ++sent.version;
        const answer = await query(
          `merge d.merged t using unnest(generate_array(1, 200)) as id on t.id = id when matched then update set version = ${version} when not matched then insert (id, version) values (id, ${version})`,
        );
        if (!answer.error) acknowledged.version = version;
      }),
      worker(async (n) => {
        await query(`create table d.stage_${n} as select id, ${n} as version from unnest(generate_array(1, ${EXCHANGED})) as id`);
        const answer = await query(
          `merge d.exchanged t using d.stage_${n} s on false when not matched by source then delete when not matched then insert row`,
        );
        if (!answer.error) acknowledged.exchanged = n;
        await query(`drop table d.stage_${n}`);
      }),
    ];
    for (let kill = 0; kill < KILLS; kill++) {
      stop = false;
      const running = workers.map((run) => run());
      await new Promise((resolve) => setTimeout(resolve, 250 + ((kill * 37) % 300)));
      stop = true;
      await cloud.kill();
      await cloud.start();
      await Promise.all(running);

      const inserted = await column('select cast(n as string) from d.inserted');
      expect(new Set(inserted).size).toBe(inserted.length);
      expect([...acknowledged.inserted].filter((n) => !inserted.includes(n))).toEqual([]);
      expect(inserted.filter((n) => !sent.inserted.has(n))).toEqual([]);
      const streamed = new Set(await column('select cast(n as string) from d.streamed'));
      expect([...acknowledged.streamed].filter((n) => !streamed.has(n))).toEqual([]);
      expect(await one('select sum(amount) from d.balance')).toBe(1_000_000);
      const versions = await column('select distinct cast(version as string) from d.merged');
      expect(versions.length).toBeLessThanOrEqual(1);
      if (acknowledged.version > 0) expect(Number(versions[0])).toBeGreaterThanOrEqual(acknowledged.version);
      const exchanged = await column('select distinct concat(count(*), " ", version) from d.exchanged group by version');
      expect(exchanged.map((one) => one.split(' ')[0])).toEqual(
        acknowledged.exchanged > 0 || exchanged.length > 0 ? [String(EXCHANGED)] : [],
      );
      expect(Number(exchanged[0]?.split(' ')[1] ?? 0)).toBeGreaterThanOrEqual(acknowledged.exchanged);
      const tables = await column('select table_name from d.INFORMATION_SCHEMA.TABLES');
      expect([...acknowledged.tables].filter((name) => !tables.includes(name))).toEqual([]);
      for (const name of tables.filter((table) => table.startsWith('made_')).slice(-5))
        expect(await one(`select count(*) from d.${name}`)).toBe(100);
    }
    expect(acknowledged.inserted.size).toBeGreaterThan(KILLS);
    expect(acknowledged.streamed.size).toBeGreaterThan(KILLS);
    expect(acknowledged.tables.size).toBeGreaterThan(0);
    expect(acknowledged.exchanged).toBeGreaterThan(0);
  },
  60_000 + KILLS * 15_000,
);

test('the rest of a result from before a restart is refused, not shown as its end', async () => {
  // A job that somebody named is known afterwards; its rows are not.
  await post('/jobs', {
    jobReference: { projectId: 'p', jobId: 'paged' },
    configuration: { query: { query: 'select n from unnest(generate_array(1, 10)) n', useLegacySql: false } },
  });
  const page = async (more: string): Promise<Json> =>
    (await fetch(`${cloud.addresses.bigquery}/projects/p/queries/paged?maxResults=3${more}`)).json();
  const { rows, pageToken } = await page('');
  expect(rows).toHaveLength(3);
  await cloud.stop();
  await cloud.start();
  expect(await page(`&pageToken=${encodeURIComponent(pageToken)}`)).toMatchObject({ error: { code: 404, message: EXPIRED } });
});

test('a table partitioned by arrival is there after it was altered', async () => {
  await query('create table d.arriving (n int64) partition by _PARTITIONDATE');
  await query('insert d.arriving (n) values (1)');
  await query('alter table d.arriving add column s string');
  await query('alter table d.arriving rename column s to t');
  await cloud.kill();
  await cloud.start();
  await query('create table d.arrived partition by _PARTITIONDATE as select 2 as n');
  const copy = {
    sourceTable: { projectId: 'p', datasetId: 'd', tableId: 'arriving' },
    destinationTable: { projectId: 'p', datasetId: 'd', tableId: 'arriving' },
    writeDisposition: 'WRITE_APPEND',
  };
  await post('/jobs', { jobReference: { projectId: 'p', jobId: 'append' }, configuration: { copy } });
  for (const [table, rows] of [
    ['arriving', 2],
    ['arrived', 1],
  ] as const)
    expect(await one(`select count(*) from d.${table} where _PARTITIONDATE = current_date()`)).toBe(rows);
});
