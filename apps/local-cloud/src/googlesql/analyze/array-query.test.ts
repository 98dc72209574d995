import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledQuery, SqlType } from '../contract.ts';
import { compile } from '../index.ts';
import { Runner } from '../testing.ts';

const part: SqlType = {
  kind: 'STRUCT',
  fields: [
    { name: 'k', type: { kind: 'STRING' } },
    { name: 'n', type: { kind: 'INT64' } },
  ],
};
let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('t', [
    { name: 'id', type: { kind: 'INT64' } },
    { name: 'parts', type: { kind: 'ARRAY', element: part } },
  ]);
  await runner.run("insert into d.t values (1, [('b', 1), ('a', 2), (null, 4)]), (2, []), (3, null), (4, [('c', null), ('a', 7)])");
});
afterAll(() => runner.close());

const joins = (expression: string): boolean =>
  /\bunnest\(/.test((compile(`select ${expression} from d.t`, runner.context()) as CompiledQuery).sql.text);
const values = async (expression: string) => (await runner.values(`select ${expression} from d.t order by id`)).map(([v]) => v);

describe('a subquery over one array of its row is not joined', () => {
  test.each([
    ['(select sum(p.n) from unnest(parts) p)', ['7', null, null, '7']],
    ["(select sum(p.n) from unnest(parts) p where p.k not in ('a'))", ['1', null, null, null]],
    ['(select count(*) from unnest(parts) p)', ['3', '0', '0', '2']],
    ["(select count(*) from unnest(parts) p where p.k like 'a%' and id > 1)", ['0', '0', '0', '1']],
    ['exists(select 1 from unnest(parts) p where p.n > id)', ['true', 'false', 'false', 'true']],
    ['array(select k from unnest(parts) p where k is not null)', [['b', 'a'], [], [], ['c', 'a']]],
    [
      'to_json_string(array(select as struct p.n, p.k from unnest(parts) p order by p.k))',
      ['[{"n":4,"k":null},{"n":2,"k":"a"},{"n":1,"k":"b"}]', '[]', '[]', '[{"n":7,"k":"a"},{"n":null,"k":"c"}]'],
    ],
  ])('%s', async (expression, expected) => {
    expect(joins(expression)).toBe(false);
    expect(await values(expression)).toEqual(expected);
  });
});

describe('what a list function does not say stays a subquery', () => {
  test.each([
    ['exists(select count(*) from unnest(parts) p where p.n > 100)', ['true', 'true', 'true', 'true']],
    ['(select p.n from unnest(parts) p order by p.n desc limit 1)', ['4', null, null, '7']],
    ['(select count(*) from unnest(parts) p where p.n = (select max(q.n) from unnest(parts) q))', ['1', '0', '0', '1']],
    ['(select sum(distinct p.n) from unnest(parts) p)', ['7', null, null, '7']],
  ])('%s', async (expression, expected) => {
    expect(joins(expression)).toBe(true);
    expect(await values(expression)).toEqual(expected);
  });
});
