/** An error belongs to the row that meets it: constants that would fail do not, where no row gets to them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { arrayOf, INT64, STRING } from './sql-type.ts';
import { Runner } from './testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('empty', [
    { name: 'id', type: INT64 },
    { name: 's', type: STRING },
    { name: 'list', type: arrayOf(INT64) },
  ]);
});
afterAll(() => runner.close());

const FAILING = [
  "error('no')",
  '[1, 2][offset(5)]',
  'div(1, 0)',
  'mod(1, 0)',
  'cast(9.3e18 as int64)',
  "cast('x' as int64)",
  "unix_date(parse_date('%F', 'x'))",
  "unix_date(date_add(date '9999-12-31', interval 1 day))",
  "length(repeat('a', -1))",
  "length(substr('a', 1, -1))",
  'int64(json \'"x"\')',
  'array_length(generate_array(1, 2, 0))',
  '9223372036854775807 + 1',
];
test.each(FAILING)('%s', async (failing) => {
  await expect(runner.values(`select ${failing}`)).rejects.toThrow();
  expect(await runner.values(`select ${failing} from empty`)).toEqual([]);
  expect(await runner.values(`select id, list from empty where ${failing} = 1`)).toEqual([]);
  expect(await runner.values(`select if(x > 5, ${failing}, x) from unnest([1, 2]) x order by x`)).toEqual([['1'], ['2']]);
  expect(await runner.values(`select case when x > 5 then ${failing} end from unnest([1]) x`)).toEqual([[null]]);
  expect(await runner.values(`select coalesce(x, ${failing}) from unnest([1]) x`)).toEqual([['1']]);
  expect(await runner.values(`select sum(if(x > 5, ${failing}, x)) from unnest([1, 2]) x`)).toEqual([['3']]);
  expect(await runner.values(`select array(select ${failing} from empty), (select max(${failing}) from empty)`)).toEqual([[[], null]]);
});

test.each(['if(x = 1, 1, $)', 'coalesce(x, $)', 'ifnull(x, $)', 'iferror($, 1)', 'case when x = 1 then 1 else $ end'])(
  'however long it is: %s',
  async (taken) => {
    const long = `div(1, x - 1) ${'+ x '.repeat(100)}`;
    await expect(runner.values(`select ${long} from unnest([1]) x`)).rejects.toThrow('division by zero');
    expect(await runner.values(`select ${taken.replace('$', long)} from unnest([1]) x`)).toEqual([['1']]);
  },
);

test('MERGE into and from an empty table with an ARRAY column raises nothing', async () => {
  await runner.table('target', [
    { name: 'id', type: INT64 },
    { name: 'list', type: arrayOf(INT64) },
  ]);
  const counts = await runner.run(
    'merge target t using (select id, list from empty) s on t.id = s.id when matched then update set list = s.list when not matched then insert row',
  );
  expect(counts).toEqual({ inserted: 0, updated: 0, deleted: 0 });
});
