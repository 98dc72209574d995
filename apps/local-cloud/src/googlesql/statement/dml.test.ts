import { DuckDBListValue, DuckDBStructValue } from '@duckdb/node-api';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CompiledDml, SqlType } from '../contract.ts';
import { compile } from '../index.ts';
import { Runner } from '../testing.ts';

const INT64: SqlType = { kind: 'INT64' };
const STRING: SqlType = { kind: 'STRING' };
let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('t', [
    { name: 'id', type: INT64, required: true },
    { name: 'name', type: STRING, defaultSql: "'unnamed'", maxLength: 8 },
    { name: 'tags', type: { kind: 'ARRAY', element: STRING } },
    {
      name: 'place',
      type: {
        kind: 'STRUCT',
        fields: [
          { name: 'x', type: INT64 },
          { name: 'y', type: { kind: 'STRUCT', fields: [{ name: 'z', type: STRING }] } },
        ],
      },
    },
  ]);
  await runner.table(
    'days',
    [
      { name: 'd', type: { kind: 'DATE' } },
      { name: 'v', type: INT64 },
    ],
    { partitioning: { column: 'd', granularity: 'DAY' } },
  );
  await runner.table('ingested', [{ name: 'v', type: INT64 }], { partitioning: { column: '_PARTITIONTIME', granularity: 'DAY' } });
});
afterAll(() => runner.close());
beforeEach(async () => {
  for (const name of ['t', 'days', 'ingested']) await runner.connection.run(`DELETE FROM "${name}"`);
});
const refused = (sql: string, message: RegExp) => expect(() => compile(sql, runner.context())).toThrow(message);

describe('INSERT', () => {
  test('fills unnamed columns with their defaults, arrays with nothing', async () => {
    expect(await runner.run('insert into d.t (id) values (1), (1 + 1)')).toEqual({ inserted: 2, updated: 0, deleted: 0 });
    expect(await runner.values('select id, name, tags from d.t order by id')).toEqual([
      ['1', 'unnamed', []],
      ['2', 'unnamed', []],
    ]);
  });
  test('takes DEFAULT among the values, and rows of a query by position', async () => {
    await runner.run("insert d.t (id, name) values (1, default), (2, 'b')");
    await runner.run('insert into d.t (name, id) select concat(name, "!"), id + 10 from d.t');
    expect(await runner.values('select id, name from d.t order by id')).toEqual([
      ['1', 'unnamed'],
      ['2', 'b'],
      ['11', 'unnamed!'],
      ['12', 'b!'],
    ]);
  });
  test('refuses wrong counts, types, names and lengths', async () => {
    refused('insert into d.t (id) values (1, 2)', /Inserted row has wrong column count; Has 2, expected 1 at \[1:30\]/);
    refused("insert into d.t (id) values ('x')", /Value has type STRING which cannot be inserted into column id, which has type INT64/);
    refused('insert into d.t (idd) values (1)', /Column idd is not present in table p\.d\.t; Did you mean id\?/);
    refused("insert into d.t (name) values ('x')", /Required column id is not provided/);
    await expect(runner.run("insert into d.t (id, name) values (1, 'much too long')")).rejects.toThrow(/exceeds the maximum length of 8/);
  });
  test('refuses NULL elements in arrays', async () => {
    await expect(runner.run("insert into d.t (id, tags) values (1, ['a', null])")).rejects.toThrow(
      /Array cannot have a null element; error in writing field tags/,
    );
  });
  test('stamps rows of an ingestion-time table with the day', async () => {
    await runner.run('insert into d.ingested (v) values (1)');
    expect(await runner.values('select v, _PARTITIONDATE from d.ingested')).toEqual([['1', '2025-06-15']]);
    expect(await runner.values('select * from d.ingested where _PARTITIONTIME = timestamp "2025-06-15"')).toEqual([['1']]);
  });
});

describe('UPDATE', () => {
  beforeEach(() => runner.run("insert into d.t (id, name, place) values (1, 'a', (1, struct('q'))), (2, 'b', null), (3, 'c', null)"));
  test('sets columns and nested fields, leaving their neighbours', async () => {
    expect(await runner.run("update d.t set name = upper(name), place.y.z = 'new' where id = 1")).toEqual({
      inserted: 0,
      updated: 1,
      deleted: 0,
    });
    expect(await runner.values('select name, place from d.t where id = 1')).toEqual([['A', ['1', ['new']]]]);
  });
  test('joins with FROM, and fails when a row has two sources', async () => {
    await runner.run("update d.t t set name = s.n from (select 2 as id, 'two' as n union all select 9, 'nine') s where t.id = s.id");
    expect(await runner.values('select name from d.t where id = 2')).toEqual([['two']]);
    await expect(
      runner.run("update d.t t set name = s.n from unnest([struct(1 as id, 'x' as n), (1, 'y')]) s where t.id = s.id"),
    ).rejects.toThrow(/UPDATE\/MERGE must match at most one source row for each target row/);
  });
  test('needs a WHERE clause and distinct targets', () => {
    refused('update d.t set id = 1', /UPDATE must have a WHERE clause/);
    refused("update d.t set name = 'a', name = 'b' where true", /Update item name assigned more than once/);
    refused('update d.t set place.x = 1, place = null where true', /assigned more than once/);
  });
  test('names the partitions that it changes', async () => {
    await runner.run("insert into d.days values ('2025-01-01', 1), ('2025-01-02', 2), (null, 3)");
    const compiled = compile('update d.days set v = 0 where v > 1', runner.context()) as CompiledDml;
    const ids = (await runner.duck(compiled.partitions!)).getRowsJson().flat().sort();
    expect(ids).toEqual(['20250102', '__NULL__']);
  });
  test('of MERGE name the partitions of the rows that a branch applies to', async () => {
    await runner.run("insert into d.days values ('2025-01-01', 1), ('2025-01-02', 2), ('2025-01-03', 3)");
    const text = `merge d.days t using (select * from unnest([1, 2, 9]) k) s on t.v = s.k
      when matched and s.k > 1 then update set v = 5 when not matched then insert values ('2025-02-01', s.k) when not matched by source then delete`;
    const { statements } = compile(text, runner.context()) as CompiledDml;
    const upTo = statements.findIndex(({ effect }) => effect === 'partitions');
    for (const { sql } of statements.slice(0, upTo)) await runner.duck(sql);
    const ids = (await runner.duck(statements[upTo]!.sql)).getRowsJson().flat().sort();
    expect(ids).toEqual(['20250102', '20250103']);
  });
});

describe('DELETE and TRUNCATE', () => {
  test('count what they remove', async () => {
    await runner.run('insert into d.t (id) values (1), (2), (3)');
    expect(await runner.run('delete from d.t x where x.id in (select 1 union all select 2)')).toEqual({
      inserted: 0,
      updated: 0,
      deleted: 2,
    });
    expect(await runner.run('truncate table d.t')).toEqual({ inserted: 0, updated: 0, deleted: 1 });
    refused('delete from d.t', /DELETE must have a WHERE clause/);
  });
});

test.each(['HOUR', 'MONTH'] as const)('a row that does not say when it arrives does so in the %s of its table', async (granularity) => {
  const table = `by_${granularity.toLowerCase()}`;
  await runner.table(table, [{ name: 'v', type: INT64 }], { partitioning: { column: '_PARTITIONTIME', granularity } });
  await runner.run(`insert d.${table} (v) values (1)`);
  const since = `timestamp_diff(timestamp_trunc(current_timestamp(), ${granularity === 'HOUR' ? 'hour' : 'month'}), _PARTITIONTIME, hour)`;
  expect(
    await runner.values(
      `select ${granularity === 'HOUR' ? `${since} in (0, 1)` : `${since} in (0, 24 * 28, 24 * 29, 24 * 30, 24 * 31)`} from d.${table}`,
    ),
  ).toEqual([['true']]);
});

describe('a MERGE is an exchange', () => {
  const DAY: SqlType = { kind: 'DATE' };
  const columns = [
    { name: 'd', type: DAY },
    { name: 'v', type: INT64 },
  ];
  beforeAll(async () => {
    await runner.table('same', columns);
    await runner.table('turned', [...columns].reverse());
    await runner.table('other', [columns[0]!, { name: 'v', type: STRING }]);
    await runner.table('strict', [columns[0]!, { name: 'v', type: INT64, required: true }]);
    await runner.table('filtered', columns, { rowFilters: ['v > 1'] });
  });
  const compiled = (source: string, insert: string, more = '', into = 'days') =>
    compile(
      `merge d.${into} t using ${source} on false when not matched by source and t.v = 1 then delete when not matched${more} then insert ${insert}`,
      runner.context(),
    ) as CompiledDml;

  test.each([
    ['d.same s', '(d, v) values (s.d, v)'],
    ['d.same', '(v, d) values (same.v, same.d)'],
    ['d.same s', 'row'],
    ['d.same s', '(D, V) values (S.D, S.V)'],
  ])('of all rows of %s with %s', async (source, insert) => {
    const { exchange } = compiled(source, insert);
    expect(exchange?.source.path.table).toBe('same');
    await runner.connection.run('INSERT INTO "same" VALUES (NULL, 1), (NULL, 1), (NULL, 2)');
    const { text } = exchange!.going('"same"');
    expect(await (await runner.connection.run(text)).getRows()).toEqual([[2n]]);
    await runner.connection.run('DELETE FROM "same"');
  });

  test.each([
    ['a query', '(select * from d.same) s', 'row'],
    ['a condition', 'd.same s', 'row', ' and s.v > 1'],
    ['another value', 'd.same s', '(d, v) values (s.d, s.v + 1)'],
    ['a column in the place of another', 'd.turned s', '(d, v) values (s.d, s.v)'],
    ['a column that is left out', 'd.same s', '(d) values (s.d)'],
    ['another type', 'd.other s', '(d, v) values (s.d, 1)'],
    ['a required column', 'd.same s', 'row', '', 'strict'],
    ['rows that not everybody sees', 'd.filtered s', 'row'],
    ['rows of the target that not everybody sees', 'd.same s', 'row', '', 'filtered'],
    ['itself', 'd.days s', 'row'],
    ['a moment of arrival', 'd.same s', '(v) values (s.v)', '', 'ingested'],
  ])('but not with %s', (_, source, insert, more = '', into = 'days') => {
    expect(compiled(source, insert, more, into).exchange).toBeUndefined();
  });

  test('nor where the condition reads other tables', () => {
    const sql =
      'merge d.days t using d.same s on false when not matched by source and t.v in (select v from d.turned) then delete when not matched then insert row';
    expect((compile(sql, runner.context()) as CompiledDml).exchange).toBeUndefined();
  });

  test('and not with itself where its rows are read from elsewhere', async () => {
    await runner.table('moved', columns, { rows: '"same"' });
    expect(compiled('d.moved s', 'row', '', 'moved').exchange).toBeUndefined();
  });
});

describe('MERGE', () => {
  beforeEach(() => runner.run("insert into d.t (id, name) values (1, 'a'), (2, 'b'), (3, 'c')"));
  test('conditions of branches may hold subqueries', async () => {
    await runner.run(
      "merge d.t t using unnest([2, 4]) s on t.id = s when matched and t.id in (select v + 1 from unnest([1]) v) then update set name = 'B' when not matched and s > (select 2) then insert (id, name) values (s, (select max(name) from d.t))",
    );
    expect(await runner.values('select id, name from d.t order by id')).toEqual([
      ['1', 'a'],
      ['2', 'B'],
      ['3', 'c'],
      ['4', 'c'],
    ]);
  });
  test('takes every branch in order, against the table as it was', async () => {
    const counts =
      await runner.run(`merge d.t t using unnest([struct(1 as id, 'A' as name), (2, 'gone'), (7, 'new'), (8, 'skip')]) s on t.id = s.id
      when matched and s.name = 'gone' then delete
      when matched then update set name = s.name, tags = ['m']
      when not matched and s.id = 7 then insert (id, name) values (id, name)
      when not matched by source then update set name = 'lost'`);
    expect(counts).toEqual({ inserted: 1, updated: 2, deleted: 1 });
    expect(await runner.values('select id, name, tags from d.t order by id')).toEqual([
      ['1', 'A', ['m']],
      ['3', 'lost', []],
      ['7', 'new', []],
    ]);
  });
  test('is one INSERT when it can only insert, and then conflicts with nothing', async () => {
    const sql =
      "merge into d.t t using (select 3 as id union all select 4) s on t.id = s.id when not matched then insert (id, name) values (s.id, 'm')";
    const compiled = compile(sql, runner.context()) as CompiledDml;
    expect(compiled.insertsOnly).toBe(true);
    expect(compiled.statements).toHaveLength(1);
    expect(await runner.run(sql)).toEqual({ inserted: 1, updated: 0, deleted: 0 });
  });
  test('fails when a target row matches two source rows', async () => {
    await expect(runner.run("merge d.t t using unnest([1, 1]) s on t.id = s when matched then update set name = 'x'")).rejects.toThrow(
      /at most one source row/,
    );
    expect(await runner.values('select count(*) from d.t where name = "x"')).toEqual([['0']]);
  });
  test('replaces everything with ON FALSE and INSERT ROW', async () => {
    await runner.run(
      "merge d.t using (select 9 as id, 'n' as name, ['t'] as tags, struct(1 as x, struct('z' as z) as y) as place) on false when not matched then insert row when not matched by source then delete",
    );
    expect(await runner.values('select * from d.t')).toEqual([['9', 'n', ['t'], ['1', ['z']]]]);
  });
  test('joins nothing with ON FALSE, so that two large tables are no product of their rows', async () => {
    const sql = `merge d.t using (select id, 'n' as name from unnest(generate_array(1, 30000)) id) s on false
      when not matched by source and id <> 2 then delete when not matched by target and s.id <> 5 then insert (id, name) values (s.id, s.name)`;
    const compiled = compile(sql, runner.context()) as CompiledDml;
    expect(compiled.statements.map(({ effect }) => effect)).toEqual(['deleted', 'inserted']);
    expect(await runner.run(sql)).toEqual({ inserted: 29_999, updated: 0, deleted: 2 });
    expect(await runner.run(sql)).toEqual({ inserted: 29_999, updated: 0, deleted: 29_998 });
    expect(await runner.values('select count(*), countif(id = 2), countif(id = 5) from d.t')).toEqual([['30001', '3', '0']]);
  });
  test('reads the target as it was, with ON FALSE too', async () => {
    await runner.run(
      "merge d.t using (select id + 10 as id from d.t) s on false when not matched by source then delete when not matched then insert (id, name) values (s.id, 'n')",
    );
    expect(await runner.values('select id from d.t order by id')).toEqual([['11'], ['12'], ['13']]);
  });
  test('takes rows from an ARRAY<STRUCT> parameter', async () => {
    const type: SqlType = {
      kind: 'ARRAY',
      element: {
        kind: 'STRUCT',
        fields: [
          { name: 'id', type: INT64 },
          { name: 'name', type: STRING },
        ],
      },
    };
    const value = new DuckDBListValue([1, 50].map((id) => new DuckDBStructValue({ id: BigInt(id), name: `p${id}` })));
    const sql =
      'merge d.t t using unnest(@rows) r on t.id = r.id when matched then update set name = r.name when not matched then insert (id, name) values (r.id, r.name)';
    expect(await runner.run(sql, [{ name: 'rows', type, value }])).toEqual({ inserted: 1, updated: 1, deleted: 0 });
    expect(await runner.values("select id from d.t where starts_with(name, 'p') order by id")).toEqual([['1'], ['50']]);
  });
  test('says the conditions of its branches once a branch, not beside every value; NULLs and values that fail stay in their branch', async () => {
    await runner.run('delete d.t where true');
    await runner.run("insert into d.t (id, name) values (1, 'a'), (2, 'b')");
    const sql =
      "merge d.t t using (select 1 as id, 0 as zero union all select 3, 1) s on t.id = s.id when matched and t.name <> 'never' then update set name = null, tags = null, place = null when not matched then insert (id, name, tags, place) values (3, cast(div(6, s.zero) as string), null, null)";
    const { text } = (compile(sql, runner.context()) as CompiledDml).statements[0]!.sql;
    expect(text.split('gs_a').length - 1).toBeLessThanOrEqual(4);
    expect(await runner.run(sql)).toEqual({ inserted: 1, updated: 1, deleted: 0 });
    expect(await runner.values('select * from d.t order by id')).toEqual([
      ['1', null, [], null],
      ['2', 'b', [], null],
      ['3', '6', [], null],
    ]);
  });
});

describe('row access policies', () => {
  test('hide rows from reads and from writes', async () => {
    await runner.run("insert into d.t (id, name) values (1, 'a'), (2, 'b')");
    const table = runner.catalog.table({ project: 'p', dataset: 'd', table: 't' })!;
    runner.catalog.add({ ...table, rowFilters: ["name = 'a'", 'id > 5'] });
    expect(await runner.values('select id from d.t')).toEqual([['1']]);
    expect(await runner.run("update d.t set name = 'z' where true")).toMatchObject({ updated: 1 });
    runner.catalog.add({ ...table, rowFilters: [] });
    expect(await runner.values('select id from d.t')).toEqual([]);
    runner.catalog.add(table);
  });
});
