import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GoogleSqlError, type SqlType } from './contract.ts';
import { compile, compileExpression, formatType, parseType, physicalType } from './index.ts';
import { Runner } from './testing.ts';

const INT64: SqlType = { kind: 'INT64' };
const STRING: SqlType = { kind: 'STRING' };
let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('t', [
    { name: 'id', type: INT64 },
    { name: 'Name', type: STRING },
  ]);
  await runner.table('log_20250101', [{ name: 'v', type: INT64 }]);
  await runner.table('log_20250102', [
    { name: 'v', type: INT64 },
    { name: 'extra', type: STRING },
  ]);
  await runner.run("insert into d.t values (1, 'a'), (2, 'b')");
  await runner.run('insert into d.log_20250101 values (10)');
  await runner.run("insert into d.log_20250102 values (20, 'x')");
  runner.catalog.add({
    path: { project: 'p', dataset: 'd', table: 'v' },
    kind: 'VIEW',
    columns: [{ name: 'n', type: INT64 }],
    viewSql: 'select count(*) as n from d.t',
  });
  runner.catalog.routines.set('d.twice', {
    path: { project: 'p', dataset: 'd', routine: 'twice' },
    args: [{ name: 'x', type: 'ANY TYPE' }],
    bodySql: 'x + x',
    kind: 'SCALAR',
  });
  runner.catalog.routines.set('d.named', {
    path: { project: 'p', dataset: 'd', routine: 'named' },
    args: [{ name: 'k', type: STRING }],
    bodySql: 'select id from d.t where name = k',
    kind: 'TABLE',
  });
});
afterAll(() => runner.close());

describe('names', () => {
  test('columns in any case, tables exactly; views, wildcard tables and functions', async () => {
    expect(await runner.values('select ID, name from `p.d.t` where NAME = "a"')).toEqual([['1', 'a']]);
    expect(await runner.values('select n from d.v')).toEqual([['2']]);
    expect(await runner.values("select v, extra, _TABLE_SUFFIX from `d.log_*` where _TABLE_SUFFIX > '20250100' order by v")).toEqual([
      ['10', null, '20250101'],
      ['20', 'x', '20250102'],
    ]);
    expect(await runner.values('select d.twice(id), d.twice(1.5) from d.t order by 1')).toEqual([
      ['2', '3'],
      ['4', '3'],
    ]);
    expect(await runner.values("select id from d.named('b')")).toEqual([['2']]);
  });
  test('reads list tables and the columns used', () => {
    expect(compile('select id from d.t', runner.context())).toMatchObject({
      reads: [{ path: { table: 't' }, columns: ['id'] }],
      deterministic: true,
      ordered: false,
    });
    expect(compile('select current_date() from d.t order by 1', runner.context())).toMatchObject({ deterministic: false, ordered: true });
  });
});

describe('refusals say what, where, and what was perhaps meant', () => {
  const cases: readonly [string, RegExp, string][] = [
    ['select id,\n  nmae from d.t', /Unrecognized name: nmae; Did you mean name\? at \[2:3\]/i, 'invalidQuery'],
    ['select uper(name) from d.t', /Function not found: uper; Did you mean upper\? at \[1:8\]/, 'invalidQuery'],
    [
      'select substr(1, 2)',
      /No matching signature for function SUBSTR for argument types: INT64, INT64\. Supported signatures: SUBSTR\(STRING, INT64\);/,
      'invalidQuery',
    ],
    ["select 1 + 'a' || 'b'", /No matching signature for operator/, 'invalidQuery'],
    ['select * from d.tt', /Not found: Table p:d\.tt was not found in location US/, 'notFound'],
    ['select * from nope.tt', /Not found: Dataset p:nope was not found/, 'notFound'],
    ['select st_geogpoint(1, 2)', /Function ST_GEOGPOINT is not supported/, 'unsupported'],
    ['select hll_count.init(1)', /HLL_COUNT\.INIT is not supported/, 'unsupported'],
    ['selec 1', /Syntax error: Unexpected identifier "selec" at \[1:1\]/, 'invalidQuery'],
    ['select (1', /Syntax error: Expected "\)" but got end of script at \[1:10\]/, 'invalidQuery'],
    ["select 'abc", /Syntax error: Unclosed string literal at \[1:8\]/, 'invalidQuery'],
    ['select sum(sum(id)) from d.t', /not allowed in an argument of another aggregate function/, 'invalidQuery'],
    ['select id, count(*) from d.t', /references column id which is neither grouped nor aggregated/, 'invalidQuery'],
    ['select id from d.t where count(*) > 1', /Aggregate function COUNT not allowed in WHERE clause/, 'invalidQuery'],
    ['select @x', /Query parameter 'x' not found/, 'invalidQuery'],
    ['select date_trunc(date "2025-01-01", hour)', /Unsupported date part HOUR/i, 'invalidQuery'],
    ['select * from d.t for system_time as of current_timestamp()', /FOR SYSTEM_TIME AS OF is not supported/, 'unsupported'],
  ];
  test.each(cases)('%s', (sql, message, reason) => {
    let error: unknown;
    try {
      compile(sql, runner.context());
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(GoogleSqlError);
    expect((error as GoogleSqlError).message).toMatch(message);
    expect((error as GoogleSqlError).reason).toBe(reason);
  });
  test('positions count from where the statement began in the text', () => {
    expect(() => compile('select\n x', { ...runner.context(), at: { line: 5, column: 3 } })).toThrow(/at \[6:2\]/);
    expect(() => compile('select x', { ...runner.context(), at: { line: 5, column: 3 } })).toThrow(/at \[5:10\]/);
  });
  test.each([
    ['select 1 / 0', /division by zero: 1 \/ 0/],
    ['select 9223372036854775807 + 1', /int64 overflow: 9223372036854775807 \+ 1/],
    ["select cast('x' as int64)", /Bad int64 value: x/],
    ['select [1][offset(3)]', /Array index 3 is out of bounds \(overflow\)/],
    ["select error('mine')", /^mine$/],
    ['select (select 1 union all select 2)', /Scalar subquery produced more than one element/],
    ["select date '2025-02-30'", /Invalid date: '2025-02-30'/],
    ['select array_agg(x) from unnest([1, null]) x', /Array cannot have a null element; error in writing field f0_/],
    ["select timestamp(datetime '2025-01-01', z) from unnest(['Nowhere/City']) z", /Invalid time zone: Nowhere\/City/],
  ])('when it runs: %s', async (sql, message) => {
    await expect(runner.query(sql)).rejects.toThrow(message);
  });
});

describe('parameters', () => {
  test('named and positional, bound once however often they are used', async () => {
    const x = { name: 'x', type: INT64, value: 5n };
    expect(await runner.values('select @x, @X + 1, "a@x"', [x])).toEqual([['5', '6', 'a@x']]);
    expect(compile('select @x, @x', runner.context([x]))).toMatchObject({ sql: { binds: [{ from: 'parameter', name: 'x' }] } });
    const { rows } = await runner.query(
      'select ? as a, ? as b',
      [
        { type: STRING, value: 'one' },
        { type: STRING, value: "o'two" },
      ],
      true,
    );
    expect(rows).toEqual([{ f: [{ v: 'one' }, { v: "o'two" }] }]);
  });
  test('strings coerce to dates as literals do; NULL keeps its type', async () => {
    expect(
      await runner.values('select date "2025-01-02" = @d, @n is null', [
        { name: 'd', type: STRING, value: '2025-01-02' },
        { name: 'n', type: INT64, value: null },
      ]),
    ).toEqual([['true', 'true']]);
  });
});

test('script variables and system variables are bound by name', () => {
  runner.variables.set('x', INT64).set('@@row_count', INT64);
  expect(compile('select x + @@row_count', runner.context())).toMatchObject({
    sql: {
      binds: [
        { from: 'variable', name: 'x' },
        { from: 'variable', name: '@@row_count' },
      ],
    },
  });
  runner.variables.clear();
});
test('an expression is a query of one row', async () => {
  const compiled = compileExpression("concat('a', 'b')", runner.context());
  expect(compiled.columns).toEqual([{ name: 'f0_', type: STRING }]);
  expect((await runner.duck(compiled.sql)).getRows()).toEqual([['ab']]);
});
test('types read back as written', () => {
  for (const text of ['INT64', 'ARRAY<STRUCT<a INT64, b ARRAY<STRING>>>', 'STRUCT<INT64, x STRUCT<y DATE>>', 'RANGE<DATE>'])
    expect(formatType(parseType(text))).toBe(text);
  expect(physicalType(parseType('array<struct<a int64, A string, bytes>>'))).toBe(
    'STRUCT("a" BIGINT, "_field_2" VARCHAR, "_field_3" BLOB)[]',
  );
});
test('long chains do not blow up the text', () => {
  const sql = `select ${Array.from({ length: 60 }, () => '1.5').join(' / ')}`;
  const compiled = compile(sql, runner.context());
  expect(compiled.kind === 'query' && compiled.sql.text.length).toBeLessThan(200_000);
});
