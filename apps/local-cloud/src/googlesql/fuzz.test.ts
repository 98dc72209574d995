/** Hostile text: whatever is sent, only a GoogleSqlError comes out of compiling, and DuckDB never complains about what was compiled. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readCases } from './cases.ts';
import { GoogleSqlError } from './contract.ts';
import { compile, parseScript } from './index.ts';
import { Runner } from './testing.ts';

const ROUNDS = 3000;
let runner: Runner;
beforeAll(async () => {
  runner = await Runner.open();
  const INT64 = { kind: 'INT64' } as const;
  const STRING = { kind: 'STRING' } as const;
  await runner.table('t', [
    { name: 'id', type: INT64 },
    { name: 'name', type: STRING },
    { name: 'tags', type: { kind: 'ARRAY', element: STRING } },
    { name: 's', type: { kind: 'STRUCT', fields: [{ name: 'a', type: INT64 }] } },
  ]);
});
afterAll(() => runner.close());

/** A small seeded generator: the same run every time. */
function random(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
}

const folder = new URL('./cases/', import.meta.url);
const corpus = [
  ...readdirSync(folder)
    .filter((f) => f.endsWith('.jsonl'))
    .flatMap((f) => readCases(new URL(f, folder)).map((c) => c.sql)),
  "insert into d.t (id, name) values (1, 'a'), (2, default)",
  "update d.t set name = 'x', s.a = 5 where id in (select 1)",
  'delete from d.t where id = 1 and name is null',
  'merge d.t t using (select 1 as id) s on t.id = s.id when matched and t.id > 0 then update set name = null when not matched then insert (id) values (s.id) when not matched by source then delete',
  'create or replace table d.n (a int64 not null, b array<struct<x string, y numeric(10, 2)>>) partition by range_bucket(a, generate_array(0, 10, 1)) cluster by a options (description = "x")',
  'create table if not exists d.c partition by d as select date "2025-01-01" d',
  'alter table d.t add column if not exists z string, drop column name',
  'create temp function f(x int64, y any type) returns string as (concat(cast(x as string), y))',
  "begin declare x int64 default 5; set x = x + 1; if x > 3 then select x; elseif false then select 1; else raise using message = 'no'; end if; exception when error then rollback; end",
  'create row access policy p on d.t grant to ("user:a@b.c") filter using (id = 1)',
];
const scraps = [
  '(',
  ')',
  ',',
  ';',
  '.',
  '*',
  "'",
  '"',
  '`',
  '[',
  ']',
  '@p',
  '?',
  '$1',
  '--',
  '/*',
  '\\',
  '0x',
  '1e',
  'null',
  'select',
  'from',
  'over',
  'order by',
  'unnest',
  'struct',
  'array',
  'case',
  'interval',
  'as',
  '😀',
  '\0',
  '|>',
  '->',
  '999999999999999999999',
];

function mutate(sql: string, next: (n: number) => number): string {
  const words = sql.split(/(\s+|[(),.])/);
  const edits = 1 + next(4);
  for (let e = 0; e < edits; e++) {
    if (words.length === 0) break;
    const i = next(words.length);
    switch (next(6)) {
      case 0:
        words.splice(i, 1);
        break;
      case 1:
        words.splice(i, 0, scraps[next(scraps.length)]!);
        break;
      case 2: {
        const j = next(words.length);
        [words[i], words[j]] = [words[j]!, words[i]!];
        break;
      }
      case 3: {
        const other = corpus[next(corpus.length)]!.split(/(\s+|[(),.])/);
        words[i] = other[next(other.length)]!;
        break;
      }
      case 4:
        words.splice(i, 0, ...words.slice(i, i + 1 + next(6)));
        break;
      default:
        words.length = Math.max(1, i);
    }
  }
  return words.join('');
}

const seed = Number(process.env.FUZZ_SEED ?? 20250615);
const rounds = Number(process.env.FUZZ_ROUNDS ?? ROUNDS);

test('mutated statements compile or are refused, and what compiles is SQL that DuckDB understands', async () => {
  const next = random(seed);
  let compiled = 0;
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const sql = mutate(corpus[next(corpus.length)]!, next);
    try {
      const result = compile(sql, runner.context());
      compiled++;
      const statements = result.kind === 'query' ? [result.sql] : result.kind === 'ddl' ? [] : [];
      for (const statement of statements) {
        const error = await runner.connection.prepare(statement.text).then(
          (prepared) => (prepared.destroySync(), undefined),
          (e: Error) => e,
        );
        if (error && /^(Parser|Binder|Catalog|Internal|INTERNAL) Error/.test(error.message))
          throw new Error(`${error.message}\n${statement.text}`);
      }
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw new Error(`${sql}\n${(error as Error).stack}`);
      refused++;
      expect(error.message).not.toMatch(/undefined|\[object/);
    }
  }
  expect(compiled).toBeGreaterThan(rounds / 50);
  expect(refused).toBeGreaterThan(rounds / 50);
});

test('mutated scripts parse or are refused', () => {
  const next = random(seed + 1);
  for (let round = 0; round < rounds; round++) {
    const sql = `${mutate(corpus[next(corpus.length)]!, next)}; ${mutate(corpus[next(corpus.length)]!, next)}`;
    try {
      parseScript(sql);
    } catch (error) {
      if (!(error instanceof GoogleSqlError)) throw new Error(`${sql}\n${(error as Error).stack}`);
    }
  }
});

test('deep nesting is refused, not suffered', () => {
  const deep = [
    `select ${'('.repeat(5000)}1${')'.repeat(5000)}`,
    `select ${'['.repeat(5000)}`,
    `select ${'-'.repeat(1)}${'- '.repeat(5000)}1`,
    `select ${'not '.repeat(5000)}true`,
    `select ${'1 + '.repeat(20000)}1`,
    `select ${'case when true then '.repeat(3000)}`,
    `${'select * from ('.repeat(3000)}select 1`,
    `${'begin '.repeat(5000)}`,
    `select a${'.b'.repeat(20000)}`,
  ];
  for (const sql of deep) {
    for (const run of [() => compile(sql, runner.context()), () => parseScript(sql)]) {
      try {
        run();
      } catch (error) {
        expect(error).toBeInstanceOf(GoogleSqlError);
      }
    }
  }
});
