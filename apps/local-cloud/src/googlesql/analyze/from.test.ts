import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CompiledQuery, SqlType } from '../contract.ts';
import { compile } from '../index.ts';
import { Runner } from '../testing.ts';

const INT64: SqlType = { kind: 'INT64' };
const part: SqlType = {
  kind: 'STRUCT',
  fields: [
    { name: 'k', type: { kind: 'STRING' } },
    { name: 'ns', type: { kind: 'ARRAY', element: INT64 } },
  ],
};
let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('t', [
    { name: 'id', type: INT64 },
    { name: 'v', type: { kind: 'STRING' } },
    { name: 'parts', type: { kind: 'ARRAY', element: part } },
  ]);
  await runner.run("insert into d.t values (1, 'x', [('a', [5, 6]), ('b', [])]), (2, 'y', []), (3, 'z', null), (4, 'w', [('a', [7])])");
});
afterAll(() => runner.close());

const joins = (query: string): boolean => / JOIN /.test((compile(query, runner.context()) as CompiledQuery).sql.text);

describe('an array of the rows on its left makes rows of them without a join', () => {
  test.each([
    [
      'select id, v, p.k from d.t, unnest(parts) p order by 1, 3',
      [
        ['1', 'x', 'a'],
        ['1', 'x', 'b'],
        ['4', 'w', 'a'],
      ],
    ],
    ["select t.id from d.t cross join t.parts p where p.k = 'a' and t.id > 1", [['4']]],
    ['select id, p.k from d.t join unnest(parts) p where p.k > v', []],
    [
      'select id, k, o from d.t, t.parts with offset o order by id desc, o desc',
      [
        ['4', 'a', '0'],
        ['1', 'b', '1'],
        ['1', 'a', '0'],
      ],
    ],
    [
      'select id, p.k, n, o, q from d.t, unnest(parts) p with offset o, unnest(p.ns) n with offset q order by n',
      [
        ['1', 'a', '5', '0', '0'],
        ['1', 'a', '6', '0', '1'],
        ['4', 'a', '7', '0', '0'],
      ],
    ],
    [
      'select id, n from d.t, unnest(array_concat([id], [id * 10])) n where id = 2 order by n',
      [
        ['2', '2'],
        ['2', '20'],
      ],
    ],
    [
      'with w as (select parts, id + 1 as next from d.t) select next, k from w, w.parts order by 1, 2',
      [
        ['2', 'a'],
        ['2', 'b'],
        ['5', 'a'],
      ],
    ],
    ['select * except (parts) from d.t, unnest([id]) with offset where id = 1', [['1', 'x', '1', '0']]],
    [
      'select s.a, b from unnest([struct([1, 2] as bs, 3 as a)]) s, s.bs b order by b',
      [
        ['3', '1'],
        ['3', '2'],
      ],
    ],
    ['select id, count(*) from d.t, t.parts group by id having id > 1', [['4', '1']]],
    ["select id from d.t join unnest(parts) p on p.k = 'b'", [['1']]],
    [
      "select a.id, (select count(*) from d.t u join u.parts p on p.k = 'a' and u.id = a.id) from d.t a order by 1",
      [
        ['1', '1'],
        ['2', '0'],
        ['3', '0'],
        ['4', '1'],
      ],
    ],
    ["select (select string_agg(k, '' order by k) from d.t u, u.parts where u.id = 1 and k <> 'b')", [['a']]],
  ])('%s', async (query, expected) => {
    expect(joins(query)).toBe(false);
    expect(await runner.values(query)).toEqual(expected);
  });
});

describe('every other array is joined', () => {
  test.each([
    [
      'select id, x from d.t, unnest([1, 2]) x where id = 1 order by x',
      [
        ['1', '1'],
        ['1', '2'],
      ],
    ],
    [
      'select id, p.k from d.t left join unnest(parts) p order by 1, 2',
      [
        ['1', 'a'],
        ['1', 'b'],
        ['2', null],
        ['3', null],
        ['4', 'a'],
      ],
    ],
    [
      'select a.id, b.id as next, n from d.t a join d.t b on b.id = a.id + 1, unnest([a.id * 10, b.id]) n where a.id = 1 order by n',
      [
        ['1', '2', '2'],
        ['1', '2', '10'],
      ],
    ],
    ['select a.id, p.k from d.t a join d.t b on a.id = b.id, unnest(b.parts) p where a.id = 4', [['4', 'a']]],
    [
      'select id, n from d.t, unnest(array(select id + x from unnest([1, 2]) x)) n where id = 1 order by n',
      [
        ['1', '2'],
        ['1', '3'],
      ],
    ],
    [
      'select a.id, (select sum(n) from d.t u, unnest([a.id, u.id]) n where u.id = 4) from d.t a where id < 3 order by 1',
      [
        ['1', '5'],
        ['2', '6'],
      ],
    ],
    [
      "select id, p.k from d.t left join unnest(parts) p on p.k = 'b' or exists (select 1 from d.t u where u.v = 'w' and u.id = t.id) order by 1",
      [
        ['1', 'b'],
        ['2', null],
        ['3', null],
        ['4', 'a'],
      ],
    ],
    [
      `select countif(n is null), countif(o is null) from d.t, unnest(generate_array(id, id + cast(1000 * rand() as int64))) n with offset o`,
      [['0', '0']],
    ],
    ['select id, p.k, n from d.t cross join (unnest(parts) p cross join unnest(p.ns) n) where id = 4', [['4', 'a', '7']]],
  ])('%s', async (query, expected) => {
    expect(joins(query)).toBe(true);
    expect(await runner.values(query)).toEqual(expected);
  });
});
