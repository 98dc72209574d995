import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CompiledQuery } from '../contract.ts';
import { compile } from '../index.ts';
import { Runner } from '../testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('t', [{ name: 'id', type: { kind: 'INT64' } }]);
});
afterAll(() => runner.close());

test.each([
  ['select id + 1 as x from d.t where id > 0', true],
  ['select count(*) as x from d.t', false],
  ['select a.id as x from d.t a join d.t b on a.id = b.id', false],
  ['select rand() as x from d.t', false],
  ['select x from d.t, unnest([1, 2]) x', false],
])('%s is read again for each use of its name: %s', (query, again) => {
  const { sql } = compile(`with w as (${query}) select a.x from w a cross join w b`, runner.context()) as CompiledQuery;
  expect(/ AS NOT MATERIALIZED /.test(sql.text)).toBe(again);
});

test.each([
  ['UNION ALL', 'select n + 1 from t'],
  ['UNION ALL', 'select n from t'],
  ['UNION DISTINCT', 'select n + 1 from t'],
])('a recursion by %s of %s that has no end is stopped after 500 iterations', async (union, step) => {
  const query = (where: string) =>
    runner.query(`with recursive t as (select 1 as n ${union.toLowerCase()} ${step}${where}) select count(*) from t`);
  await expect(query('')).rejects.toThrow('A recursive CTE has reached the maximum number of iterations: 500');
  if (step.includes('+')) expect((await query(' where n <= 500')).rows[0]!.f[0]!.v).toBe('501');
});
