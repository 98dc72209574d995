import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Ddl } from '../contract.ts';
import { compile, formatType } from '../index.ts';
import { Runner } from '../testing.ts';

let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  await runner.table('t', [
    { name: 'id', type: { kind: 'INT64' } },
    { name: 'name', type: { kind: 'STRING' } },
  ]);
});
afterAll(() => runner.close());
function ddl(sql: string): Ddl {
  const compiled = compile(sql, runner.context());
  if (compiled.kind !== 'ddl') throw new Error(compiled.kind);
  return compiled.ddl;
}
const refused = (sql: string, message: RegExp) => expect(() => ddl(sql)).toThrow(message);

test('CREATE TABLE carries columns, keys, partitioning, clustering and options', () => {
  const made = ddl(`create or replace table d.n (
    id int64 not null options (description = 'the key'), name string(10) default upper('x'), amount numeric(10, 2),
    items array<struct<k string, v float64>>, made timestamp, primary key (id) not enforced)
    partition by date(made) cluster by name, id options (description = 'things', labels = [('team', 'data')], require_partition_filter = true)`);
  expect(made).toMatchObject({
    op: 'createTable',
    path: { project: 'p', dataset: 'd', table: 'n' },
    orReplace: true,
    primaryKey: ['id'],
    partitioning: { column: 'made', granularity: 'DAY' },
    clustering: ['name', 'id'],
    options: { description: 'things', labels: [['team', 'data']], require_partition_filter: true },
  });
  if (made.op !== 'createTable') throw new Error(made.op);
  expect(made.columns!.map((c) => `${c.name} ${formatType(c.type)}`)).toEqual([
    'id INT64',
    'name STRING',
    'amount NUMERIC',
    'items ARRAY<STRUCT<k STRING, v FLOAT64>>',
    'made TIMESTAMP',
  ]);
  expect(made.columns![0]).toMatchObject({ required: true, description: 'the key' });
  expect(made.columns![1]).toMatchObject({ maxLength: 10, defaultSql: "upper('x')" });
  expect(made.columns![2]).toMatchObject({ precision: 10, scale: 2 });
});
test('CREATE TABLE AS SELECT brings the compiled query and its columns', () => {
  expect(ddl('create table d.n as select id, count(*) as n from d.t group by id')).toMatchObject({
    columns: [
      { name: 'id', type: { kind: 'INT64' } },
      { name: 'n', type: { kind: 'INT64' } },
    ],
    asSelect: { kind: 'query' },
  });
  const typed = ddl('create table d.n (x numeric) as select id from d.t');
  expect(typed).toMatchObject({
    columns: [{ name: 'x', type: { kind: 'NUMERIC' } }],
    asSelect: { columns: [{ name: 'x', type: { kind: 'NUMERIC' } }] },
  });
  refused(
    'create table d.n as select 1, 1 as a, 2 as a',
    /Duplicate column names in the result are not supported. Found duplicate\(s\): a/,
  );
});
test('every partitioning is understood, others are refused', () => {
  expect(ddl('create table d.n (d date) partition by d')).toMatchObject({ partitioning: { column: 'd', granularity: 'DAY' } });
  expect(ddl('create table d.n (d date) partition by date_trunc(d, month)')).toMatchObject({ partitioning: { granularity: 'MONTH' } });
  expect(ddl('create table d.n (x int64) partition by _PARTITIONDATE')).toMatchObject({ partitioning: { column: '_PARTITIONTIME' } });
  expect(ddl('create table d.n (x int64) partition by range_bucket(x, generate_array(0, 100, 10))')).toMatchObject({
    partitioning: { granularity: 'RANGE', range: { start: 0n, end: 100n, interval: 10n } },
  });
  refused('create table d.n (x string) partition by x', /PARTITION BY expression must be/);
});
test('temporary tables and functions live in _SESSION', () => {
  expect(ddl('create temp table x (a int64)')).toMatchObject({ temporary: true, path: { dataset: '_SESSION' } });
  expect(ddl('create temp function f(x int64) as (x + 1)')).toMatchObject({
    op: 'createFunction',
    routine: { path: { dataset: '_SESSION' }, bodySql: 'x + 1' },
  });
});
test('views keep their text and are checked', () => {
  expect(ddl('create view d.v as select id, name from d.t where id > 1')).toMatchObject({
    op: 'createView',
    sql: 'select id, name from d.t where id > 1',
  });
  refused('create view d.v as select nope from d.t', /Unrecognized name: nope/);
});
test('functions are checked when their arguments have types', () => {
  refused('create function d.f(x int64) as (x + y)', /Unrecognized name: y/);
  refused("create function d.f(x int64) returns int64 as ('a')", /cannot be coerced/);
  expect(ddl('create or replace table function d.f(k string) as select * from d.t where name = k')).toMatchObject({
    routine: { kind: 'TABLE' },
  });
});
test('ALTER, DROP, schemas and policies', () => {
  expect(
    ddl(
      "alter table d.t add column if not exists z array<string>, drop column name, rename column id to key, alter column id set options (description = 'x')",
    ),
  ).toMatchObject({
    actions: [
      { action: 'addColumn', ifNotExists: true },
      { action: 'dropColumn' },
      { action: 'renameColumn', from: 'id', to: 'key' },
      { action: 'setColumnOptions' },
    ],
  });
  expect(ddl('drop table if exists d.t')).toMatchObject({ op: 'dropTable', ifExists: true });
  expect(ddl("create schema if not exists x options (location = 'EU')")).toMatchObject({
    op: 'createSchema',
    dataset: 'x',
    options: { location: 'EU' },
  });
  expect(ddl('drop schema x cascade')).toMatchObject({ cascade: true });
  expect(ddl("create row access policy r on d.t grant to ('user:a@b.c') filter using (name = session_user())")).toMatchObject({
    filter: 'name = session_user()',
    grantees: ['user:a@b.c'],
  });
});
test('what is not supported is named', () => {
  refused('create materialized view d.v as select 1', /CREATE MATERIALIZED VIEW is not supported/);
  refused("create function d.f() returns int64 language js as 'return 1'", /LANGUAGE js function is not supported/);
  refused('create table d.n (a int64) options (nope = 1)', /Unknown option: nope/);
  refused('create table d.n (a foo)', /Type not found: foo/);
});
