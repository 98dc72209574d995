import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CompiledQuery } from '../contract.ts';
import { compile } from '../index.ts';
import { Runner } from '../testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  const table = (name: string, type: 'DATE' | 'DATETIME' | 'TIMESTAMP' | 'INT64', partitioning: object) =>
    runner.table(
      name,
      [
        { name: 'p', type: { kind: type } },
        { name: 'v', type: { kind: 'INT64' } },
      ],
      { partitioning: { column: 'p', ...partitioning } as never },
    );
  await table('days', 'DATE', { granularity: 'DAY' });
  await table('hours', 'TIMESTAMP', { granularity: 'HOUR' });
  await table('months', 'TIMESTAMP', { granularity: 'MONTH' });
  await table('years', 'TIMESTAMP', { granularity: 'YEAR' });
  await table('date_months', 'DATE', { granularity: 'MONTH' });
  await table('datetimes', 'DATETIME', { granularity: 'DAY' });
  await table('ranges', 'INT64', { granularity: 'RANGE', range: { start: 0n, end: 100n, interval: 10n } });
  await runner.table('plain', [{ name: 'p', type: { kind: 'DATE' } }]);
  const { path } = runner.catalog.table({ project: 'p', dataset: 'd', table: 'days' })!;
  const view = (name: string, viewSql: string, columns: readonly string[]) =>
    runner.catalog.add({
      path: { ...path, table: name },
      kind: 'VIEW',
      viewSql,
      columns: columns.map((column) => ({ name: column, type: { kind: column === 'n' ? 'INT64' : 'DATE' } })),
    });
  view('grouped', 'select p as day, count(*) as n from d.days group by p', ['day', 'n']);
  await runner.run("insert into d.days values ('2025-01-01', 1), ('2025-01-01', 2), ('2025-01-02', 3), (null, 4)");
  await runner.run(
    "insert into d.hours values ('2025-01-01 10:05:00 UTC', 1), ('2025-01-01 10:55:00 UTC', 2), ('2025-01-01 11:00:00 UTC', 3), ('2025-01-01 12:59:59.999999 UTC', 4), (null, 5)",
  );
  await runner.run('insert into d.years select timestamp(p), v from d.days where p is not null');
  await runner.run("insert into d.years values ('2024-12-31 23:59:59.999999 UTC', 5), ('1969-06-01 00:00:00 UTC', 6)");
  await runner.run("insert into d.date_months values ('2025-01-01', 1), ('2025-01-31', 2), ('2025-02-01', 3), ('2025-04-30', 4)");
  await runner.run("insert into d.datetimes values ('2025-01-01 00:00:00', 1), ('2025-01-01 23:59:59', 2), ('2025-01-02 00:00:00', 3)");
  await runner.run("insert into d.months select timestamp_add('2025-01-01 00:00:00 UTC', interval i day), i from unnest([0, 30, 31]) i");
  await runner.run('insert into d.ranges select i, i from unnest(generate_array(0, 29)) i');
});
afterAll(() => runner.close());

const reads = (sql: string) => (compile(sql, runner.context()) as CompiledQuery).reads;
async function rowsLeft(sql: string): Promise<number | 'all' | 'unfiltered'> {
  const all = reads(sql);
  const read = all.find(({ kept, unfiltered }) => kept ?? unfiltered) ?? all[0];
  if (!read!.kept) return read!.unfiltered ? 'unfiltered' : 'all';
  expect(read!.kept.binds).toEqual([]);
  const [[count]] = (await (await runner.connection.run(read!.kept.text)).getRows()) as [[bigint]];
  return Number(count);
}

test.each([
  ["select v from d.days where p = '2025-01-01'", 2],
  ["select v from d.days where p = '2025-01-01' and v = 1", 2],
  ["select v from d.days where v > 0 and (p > '2025-01-01' and p < '2026-01-01')", 1],
  ["select v from d.days where p = '2025-01-02' or p = date_sub('2025-01-02', interval 1 day)", 3],
  ['select v from d.days where p is null', 1],
  ["select v from d.days t where t.p between '2024-01-01' and '2025-01-01' or v = 1", 'unfiltered'],
  ['select v from d.days', 'unfiltered'],
  ["select v from d.days where p = (select date '2025-01-01')", 'unfiltered'],
  ["select v from d.days where v = 1 and not exists (select 1 from d.plain where p = '2025-01-01')", 'unfiltered'],
  ['select a.v from d.days a join d.plain b on a.p = b.p where a.p = b.p', 'unfiltered'],
  ["select v from d.days where p = (select max(p) from d.plain) and v = length('p = 1')", 'unfiltered'],
])('%s leaves %s', async (sql, left) => {
  expect(await rowsLeft(sql)).toBe(left);
});

test.each([
  ["select v from d.hours where p = '2025-01-01 10:30:00 UTC'", 0],
  ["select v from d.hours where p < '2025-01-01 10:10:00 UTC'", 2],
  ["select v from d.hours where date(p) = '2025-01-01'", 4],
  ["select v from d.hours where p > '2025-01-01 10:55:00 UTC'", 2],
  ["select v from d.hours where p between '2025-01-01 10:30:00 UTC' and '2025-01-01 11:30:00 UTC'", 3],
  ["select v from d.hours where p != '2025-01-01 11:00:00 UTC'", 3],
  ["select v from d.hours where p = '2025-01-01 10:05:00 UTC' or p > '2025-01-01 12:00:00 UTC'", 3],
  ["select v from d.years where p < '2000-01-01 00:00:00 UTC'", 1],
  ["select v from d.years where p >= '2024-12-31 23:59:59.999999 UTC' and p <= '2025-01-01 00:00:00 UTC'", 4],
  ["select v from d.date_months where p >= '2025-01-02' and p < '2025-02-01'", 2],
  ["select v from d.date_months where p > '2025-01-01'", 4],
  ["select v from d.datetimes where p = '2025-01-01 23:59:59'", 2],
  ["select v from d.months where p >= '2025-01-31 00:00:00 UTC' and p < '2025-02-01 00:00:00 UTC'", 2],
  ['select v from d.ranges where p in (5, 25)', 20],
])('whole partitions are counted: %s leaves %s', async (sql, left) => {
  expect(await rowsLeft(sql)).toBe(left);
});

test.each([
  ["p >= '2025-01-01 10:00:00 UTC' and p < timestamp_add(p, interval 1 hour)", true],
  ["p >= '2025-01-01 10:00:00 UTC' and p < '2025-01-01 11:00:00 UTC' and v > 1", false],
  ["p between '2025-01-01 10:00:00 UTC' and '2025-01-01 11:00:00 UTC'", false],
  ["p = '2025-01-01 10:05:00 UTC'", false],
  ["p >= '2025-01-01 10:00:00 UTC' and p != '2025-01-01 11:00:00 UTC'", true],
  ["not p = '2025-01-01 10:05:00 UTC'", true],
  ["timestamp_trunc(p, hour) > '2025-01-01 10:00:00 UTC'", true],
  ["p in ('2025-01-01 10:05:00 UTC', '2025-01-01 12:00:00 UTC')", true],
])('the partition of each row is asked for only where filters may leave gaps: %s, %s', (filter, each) => {
  expect(reads(`select v from d.hours where ${filter}`)[0]!.kept!.text.includes('DISTINCT')).toBe(each);
});

test.each([
  ["select v from (select * from d.days) where p = '2025-01-01'", 2],
  ["select n from d.grouped where day = '2025-01-02'", 1],
  ["with w as (select * from d.days) select v from w where p = '2025-01-01'", 'all'],
  ["select v from d.days where p = '2025-01-01' union all select v from d.days where p = '2025-01-02'", 3],
  ["select v from d.days where p = '2025-01-01' union all select v from d.days", 'unfiltered'],
  ["from d.days |> where p = '2025-01-01' |> where v = 1", 2],
])('filters are found from outside: %s leaves %s', async (sql, left) => {
  expect(await rowsLeft(sql)).toBe(left);
});

test.each([
  ["update d.days set v = 0 where p = '2025-01-01' and v = 1", 2],
  ["delete d.days where p = '2025-01-02'", 1],
  ['delete d.days where v = 2', 'unfiltered'],
  ["merge d.days t using d.plain s on t.p = s.p and t.p = '2025-01-02' when matched then delete", 1],
  ['merge d.days t using d.plain s on t.p = s.p when matched then delete', 'unfiltered'],
  [
    "merge d.days t using d.plain s on false when not matched by source and p = '2025-01-01' then delete when not matched then insert (p) values (s.p)",
    2,
  ],
  ["merge d.days t using d.plain s on t.p = '2025-01-02' when not matched by source then delete", 'unfiltered'],
])('%s leaves %s of its target', async (sql, left) => {
  const read = reads(sql).find(({ path }) => path.table === 'days')!;
  if (!read.kept) return expect(read.unfiltered ? 'unfiltered' : 'all').toBe(left);
  const [[count]] = (await (await runner.connection.run(read.kept.text)).getRows()) as [[bigint]];
  expect(Number(count)).toBe(left);
});

test('inserting reads nothing of the target, and a table without partitions has none to leave', () => {
  expect(reads("insert into d.days (p) values ('2025-01-01')")).toEqual([]);
  expect(reads("select p from d.plain where p = '2025-01-01'")).toEqual([{ path: expect.anything(), columns: ['p'] }]);
});
