/** Rows that change hands without being written again: nobody can tell, but by the counter. Numbers in names are the invariants of catalog/take-over.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;
const ROWS = 100_000;

describe('a MERGE that exchanges rows', () => {
  let cloud: StartedProcess;
  let made = 0;
  let target: string;

  const api = async (path: string, body: unknown): Promise<Json> => {
    const response = await fetch(`${cloud.addresses.bigquery}/projects/p${path}`, { method: 'POST', body: JSON.stringify(body) });
    const answer = (await response.json()) as Json;
    if (answer.error) throw new Error(answer.error.message);
    return answer;
  };
  const run = (sql: string): Promise<Json> =>
    api('/queries', { query: sql, useLegacySql: false, timeoutMs: 60_000, useQueryCache: false, defaultDataset: { datasetId: 'd' } });
  const value = async (sql: string): Promise<string> => (await run(sql)).rows[0].f.map((f: Json) => f.v).join(' ');
  const takenOver = async (): Promise<number> => ((await cloud.control('GET', '/__stats')) as Json).total.rowsTakenOver ?? 0;
  /** Rows of a day, each with `v`. */
  const stage = async (day: string, v: number, rows = ROWS): Promise<string> => {
    const name = `s${++made}`;
    await run(`create table ${name} as select date '${day}' as day, n as id, ${v} as v from unnest(generate_array(1, ${rows})) as n`);
    return name;
  };
  const merge = (source: string, day: string, into = target) =>
    run(
      `merge ${into} t using ${source} s on false when not matched by source and t.day = '${day}' then delete when not matched by target then insert (day, id, v) values (s.day, s.id, s.v)`,
    );
  /** Merges a day, and answers what of its rows was taken over. */
  const replaced = async (day: string, v: number, rows = ROWS): Promise<{ taken: number; source: string; answer: Json }> => {
    const source = await stage(day, v, rows);
    const before = await takenOver();
    const answer = await merge(source, day);
    return { taken: (await takenOver()) - before, source, answer };
  };
  const contents = () => value(`select count(*), sum(v), count(distinct concat(cast(day as string), cast(id as string))) from ${target}`);

  beforeAll(async () => {
    cloud = await startProcess();
    await api('/datasets', { datasetReference: { projectId: 'p', datasetId: 'd' } });
  });
  afterAll(() => cloud.dispose());
  beforeEach(async () => {
    target = `t${++made}`;
    await run(`create table ${target} (day date, id int64, v int64) partition by day`);
  });

  test('takes whole days over, replaces them, and counts what came and went', async () => {
    expect(await replaced('2025-01-01', 1)).toMatchObject({ taken: ROWS, answer: { numDmlAffectedRows: '100000' } });
    expect(await replaced('2025-01-02', 2, ROWS + 5)).toMatchObject({ taken: ROWS + 5 });
    expect(await contents()).toBe(`${2 * ROWS + 5} ${ROWS + 2 * (ROWS + 5)} ${2 * ROWS + 5}`);
    const { answer, taken } = await replaced('2025-01-02', 7);
    expect(taken).toBe(ROWS);
    expect(answer.dmlStats).toEqual({ insertedRowCount: '100000', updatedRowCount: '0', deletedRowCount: '100005' });
    expect(await contents()).toBe(`${2 * ROWS} ${8 * ROWS} ${2 * ROWS}`);
  });

  test('copies where rows are few, and gathers where parts would have to be cut', async () => {
    expect((await replaced('2025-01-01', 1, 99_999)).taken).toBe(0);
    expect((await replaced('2025-01-02', 2)).taken).toBe(ROWS);
    // Two days at once, of which one is half of what lies there.
    const both = await stage('2025-01-02', 3);
    await run(`insert ${both} select date '2025-01-03', id, v from ${both}`);
    await merge(both, '2025-01-02');
    expect(await value(`select count(*), sum(v) from ${target} where day >= '2025-01-02'`)).toBe(`${2 * ROWS} ${6 * ROWS}`);
    expect((await replaced('2025-01-03', 4)).taken).toBe(ROWS);
    expect(await value(`select count(*), sum(v) from ${target} where day >= '2025-01-02'`)).toBe(`${2 * ROWS} ${7 * ROWS}`);
  });

  test('days of few rows lie beside days of many, whatever comes first and again', async () => {
    await replaced('2025-01-01', 1, 10);
    expect((await replaced('2025-01-02', 2)).taken).toBe(ROWS);
    const { answer, taken } = await replaced('2025-01-01', 3, 7);
    expect(taken).toBe(0);
    expect(answer.dmlStats).toEqual({ insertedRowCount: '7', updatedRowCount: '0', deletedRowCount: '10' });
    await replaced('2025-01-03', 5, 20);
    expect((await replaced('2025-01-01', 4)).taken).toBe(ROWS);
    expect(await contents()).toBe(`${2 * ROWS + 20} ${6 * ROWS + 100} ${2 * ROWS + 20}`);
    // Fewer than before in the place of a whole part.
    await replaced('2025-01-02', 6, 3);
    await replaced('2025-01-03', 7);
    expect(await contents()).toBe(`${2 * ROWS + 3} ${11 * ROWS + 18} ${2 * ROWS + 3}`);
  });

  const changes: [string, (table: string) => string, string][] = [
    ['INSERT', (t) => `insert ${t} (day, id, v) values ('2025-01-01', 0, 5)`, `${ROWS + 1} ${ROWS + 5}`],
    ['UPDATE', (t) => `update ${t} set v = 3 where id <= 10`, `${ROWS} ${ROWS + 20}`],
    ['DELETE', (t) => `delete ${t} where id <= 10`, `${ROWS - 10} ${ROWS - 10}`],
    ['TRUNCATE', (t) => `truncate table ${t}`, '0 '],
    [
      'a MERGE by key',
      (t) => `merge ${t} t using (select 1 as id) s on t.id = s.id when matched then update set v = 9`,
      `${ROWS} ${ROWS + 8}`,
    ],
    [
      'a MERGE that inserts',
      (t) =>
        `merge ${t} t using (select 1 as id union all select 0) s on t.id = s.id when not matched then insert (id, v) values (s.id, 2)`,
      `${ROWS + 1} ${ROWS + 2}`,
    ],
    ['ALTER', (t) => `alter table ${t} drop column id`, `${ROWS} ${ROWS}`],
    ['a new column', (t) => `alter table ${t} add column w int64`, `${ROWS} ${ROWS}`],
    ['a new name', (t) => `alter table ${t} rename to ${t}_renamed; alter table ${t}_renamed rename to ${t}`, `${ROWS} ${ROWS}`],
    ['a script that rolls back', (t) => `begin transaction; delete ${t} where true; rollback transaction`, `${ROWS} ${ROWS}`],
    ['a script that commits', (t) => `begin transaction; delete ${t} where id > 1; commit transaction`, '1 1'],
    ['a replacement', (t) => `create or replace table ${t} as select * from ${t} where id <= 7`, '7 7'],
  ];
  test.each(changes)('%s finds all rows in either table, and leaves those of the other alone', async (_, change, expected) => {
    for (const changed of ['target', 'source'] as const) {
      await run(`create or replace table ${target} (day date, id int64, v int64) partition by day`);
      const { source, taken } = await replaced('2025-01-01', 1);
      expect(taken).toBe(ROWS);
      const [one, other] = changed === 'target' ? [target, source] : [source, target];
      await run(change(one));
      expect(await value(`select count(*), ifnull(cast(sum(v) as string), '') from ${one}`)).toBe(expected);
      expect(await value(`select count(*), sum(v) from ${other}`)).toBe(`${ROWS} ${ROWS}`);
    }
  });

  test('all that reads finds the rows of both', async () => {
    const { source } = await replaced('2025-01-01', 1);
    await run(`insert ${target} values ('2025-01-02', 1, 1)`);
    await run(`create table c${target} clone ${target}`);
    await run(`create view v${target} as select * from d.${target}`);
    await run(`create table a${target} as select t.id from ${target} t join ${source} s on t.id = s.id and t.day = s.day`);
    const copy = {
      sourceTable: { projectId: 'p', datasetId: 'd', tableId: target },
      destinationTable: { projectId: 'p', datasetId: 'd', tableId: `j${target}` },
    };
    await api('/jobs', { jobReference: { projectId: 'p', jobId: `j${target}` }, configuration: { copy } });
    for (const table of [`c${target}`, `v${target}`, `j${target}`]) {
      expect(await value(`select count(*), sum(v) from ${table}`)).toBe(`${ROWS + 1} ${ROWS + 1}`);
    }
    expect(await value(`select count(*) from a${target}`)).toBe(String(ROWS));
    expect(
      await value(
        `select string_agg(concat(partition_id, ' ', total_rows), ', ' order by partition_id) from d.INFORMATION_SCHEMA.PARTITIONS where table_name = '${target}'`,
      ),
    ).toBe(`20250101 ${ROWS}, 20250102 1`);
    const resource = (await (await fetch(`${cloud.addresses.bigquery}/projects/p/datasets/d/tables/${target}`)).json()) as Json;
    expect(resource.numRows).toBe(String(ROWS + 1));
    const seen = new Set<string>();
    let last = '';
    for (let token = ''; ; ) {
      const page = (await (
        await fetch(`${cloud.addresses.bigquery}/projects/p/datasets/d/tables/${target}/data?maxResults=10000${token}`)
      ).json()) as Json;
      for (const row of page.rows) {
        last = row.f.map((f: Json) => f.v).join();
        seen.add(last);
      }
      if (!page.pageToken) break;
      token = `&pageToken=${encodeURIComponent(page.pageToken)}`;
    }
    expect(seen.size).toBe(ROWS + 1);
    expect(last).toBe('2025-01-02,1,1');
  });

  test('streamed rows go to the table that they were sent to', async () => {
    const { source } = await replaced('2025-01-01', 1);
    for (const [table, v] of [
      [target, 10],
      [source, 100],
    ] as const)
      await api(`/datasets/d/tables/${table}/insertAll`, { rows: [{ json: { day: '2025-01-02', id: 1, v } }] });
    expect(await contents()).toBe(`${ROWS + 1} ${ROWS + 10} ${ROWS + 1}`);
    expect(await value(`select count(*), sum(v) from ${source}`)).toBe(`${ROWS + 1} ${ROWS + 100}`);
  });

  test('a script that goes through rows finds those that were streamed since', async () => {
    await replaced('2025-01-01', 1);
    const script = `declare n int64 default 0; for row in (select v from ${target} where v > 1) do set n = n + row.v; end for; select n`;
    expect(await value(script)).toBe('0');
    await api(`/datasets/d/tables/${target}/insertAll`, { rows: [{ json: { day: '2025-01-02', id: 1, v: 10 } }] });
    expect(await value(script)).toBe('10');
  });

  test('a source that changes while the MERGE waits for its turn is not taken for the one that was meant', async () => {
    await replaced('2025-01-01', 1);
    const source = await stage('2025-01-01', 2);
    await cloud.control('PUT', '/__control/limits', { limits: 'on' });
    const merging = merge(source, '2025-01-01').then(
      () => 'done',
      (error: Error) => error.message,
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    await run(`alter table ${source} drop column id`);
    await cloud.control('PUT', '/__control/limits', { limits: 'off' });
    expect(await merging).not.toBe('done');
    expect(await contents()).toBe(`${ROWS} ${ROWS} ${ROWS}`);
  });

  test('many replace days of their own at once', async () => {
    const days = ['01', '02', '03', '04', '05', '06', '07', '08'].map((n) => `2025-02-${n}`);
    const stages = await Promise.all(days.map((day, i) => stage(day, i + 1)));
    const before = await takenOver();
    await Promise.all(stages.map((source, i) => merge(source, days[i] as string)));
    expect((await takenOver()) - before).toBe(8 * ROWS);
    expect(await contents()).toBe(`${8 * ROWS} ${36 * ROWS} ${8 * ROWS}`);
  });

  test('a condition may ask for metadata', async () => {
    await replaced('2025-01-01', 1);
    const source = await stage('2025-01-01', 2);
    const all = '(select count(*) from d.INFORMATION_SCHEMA.TABLES) > 0';
    await run(
      `merge ${target} t using ${source} s on false when not matched by source and ${all} then delete when not matched then insert row`,
    );
    expect(await contents()).toBe(`${ROWS} ${2 * ROWS} ${ROWS}`);
  });

  test('an UPDATE that waits finds columns that came meanwhile', async () => {
    const { source } = await replaced('2025-01-01', 1);
    const updating = run(`update ${target} set v = 2 where true`);
    const altering = run(`alter table ${target} add column w int64`);
    await Promise.all([updating, altering]);
    await run(`alter table ${source} add column w int64`);
    await run(`update ${source} set w = 5 where true`);
    await run(
      `merge ${target} t using ${source} s on false when not matched by source then delete when not matched then insert (day, id, v, w) values (day, id, v, w)`,
    );
    await Promise.all([run(`update ${target} set v = 3 where id = 1`), run(`alter table ${target} add column x int64`)]);
    expect(await value(`select count(*), sum(v), sum(w), count(x) from ${target}`)).toBe(`${ROWS} ${ROWS + 2} ${5 * ROWS} 0`);
  });

  test('rows are added by many at once', async () => {
    await replaced('2025-01-01', 1);
    await Promise.all(Array.from({ length: 8 }, (_, i) => run(`insert ${target} values ('2025-01-02', ${i}, 1)`)));
    expect(await contents()).toBe(`${ROWS + 8} ${ROWS + 8} ${ROWS + 8}`);
  });

  test('the rows stay when one of the tables goes, and after a crash', async () => {
    const { source } = await replaced('2025-01-01', 1);
    const chained = `t${++made}`;
    await run(`create table ${chained} (day date, id int64, v int64)`);
    await merge(source, '2025-01-01', chained);
    await run(`drop table ${source}`);
    await cloud.kill();
    await cloud.start();
    expect(await contents()).toBe(`${ROWS} ${ROWS} ${ROWS}`);
    await run(`update ${chained} set v = 2 where true`);
    await run(`drop table ${target}`);
    await cloud.kill();
    await cloud.start();
    expect(await value(`select count(*), sum(v) from ${chained}`)).toBe(`${ROWS} ${2 * ROWS}`);
  });

  test('1. whoever reads sees all of the old or all of the new', async () => {
    await replaced('2025-01-01', 1);
    const stages = await Promise.all([2, 3, 4, 5, 6, 7].map((v) => stage('2025-01-01', v)));
    let stop = false;
    const seen = new Set<string>();
    const reading = (read: () => Promise<string>) => async () => {
      while (!stop) seen.add(await read());
    };
    const readers = [
      reading(() => value(`select count(*), sum(v) / count(*) from ${target}`)),
      reading(async () => {
        const name = `r${++made}`;
        await run(`create table ${name} as select * from ${target} where day = '2025-01-01'`);
        return value(`select count(*), sum(v) / count(*) from ${name}`);
      }),
    ].map((read) => read());
    for (const source of stages) {
      await merge(source, '2025-01-01');
      await run(`drop table ${source}`);
    }
    stop = true;
    await Promise.all(readers);
    seen.add(await value(`select count(*), sum(v) / count(*) from ${target}`));
    for (const one of seen) expect(one).toMatch(/^100000 [1-7]\.0$/);
    expect(seen.size).toBeGreaterThan(2);
  });

  test('2. a transaction of a script goes on with the rows that it began with', async () => {
    // So that the next one has little to gather.
    await run('begin transaction; commit transaction');
    await replaced('2025-01-01', 1);
    const source = await stage('2025-01-01', 2);
    const slowly = '(select count(*) from unnest(generate_array(1, 40000)) a, unnest(generate_array(1, 40000)) b where a * 2 > b) > 0';
    const before = await takenOver();
    await run(`create table m${target} (n int64)`);
    const transaction = run(
      `insert m${target} values (1); begin transaction; create temp table a as select sum(v) as s from ${target}; create temp table b as select ${slowly} as x; create temp table c as select sum(v) as again from ${target}; commit transaction; select s, again from a, c`,
    );
    while ((await value(`select count(*) from m${target}`)) === '0');
    await new Promise((resolve) => setTimeout(resolve, 700));
    await merge(source, '2025-01-01');
    const { rows } = await transaction;
    expect(rows[0].f.map((f: Json) => f.v)).toEqual([String(ROWS), String(ROWS)]);
    expect(await takenOver()).toBe(before);
    expect(await contents()).toBe(`${ROWS} ${2 * ROWS} ${ROWS}`);
  });
});
