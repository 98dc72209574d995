import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Bind } from '../../googlesql/contract.ts';
import { physicalType } from '../../googlesql/sql-type.ts';
import type { BoundValue, Connection } from '../storage/connection.ts';
import { Database } from '../storage/database.ts';
import { parametersFrom } from '../values/parameters.ts';
import { duckType } from '../values/physical.ts';
import { GivenRows } from './given-rows.ts';

let dir: string;
let database: Database;
let connection: Connection;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'given-rows-'));
  database = await Database.open(join(dir, 'd.duckdb'), { memoryLimit: '200MB', threads: 1, connections: 1, temp: join(dir, 'spill') });
  connection = await database.connect();
});
afterAll(() => {
  connection.close();
  database.close();
  rmSync(dir, { recursive: true });
});

const SCALARS = {
  INT64: '9007199254740993',
  FLOAT64: 'NaN',
  NUMERIC: '-12345678901234567890123456789.123456789',
  BIGNUMERIC: '123456789012345678901234567890123456789.00000000000000000000000000000000000001',
  BOOL: 'true',
  STRING: "it's é🙂\u0000",
  BYTES: 'AAEC/w==',
  DATE: '0001-01-01',
  TIME: '23:59:59.999999',
  DATETIME: '9999-12-31T23:59:59.999999',
  TIMESTAMP: '1969-12-31 23:59:59.999999 UTC',
  JSON: '{"a":[1,null]}',
  INTERVAL: '1-2 -3 4:5:6.7',
};
const scalar = (type: string) => ({ type });
const field = (name: string, type: object) => ({ name, type });
const rowType = {
  type: 'STRUCT',
  structTypes: [
    ...Object.keys(SCALARS).map((type) => field(`f_${type}`, scalar(type))),
    field('tags', { type: 'ARRAY', arrayType: scalar('STRING') }),
    field('inner', { type: 'STRUCT', structTypes: [field('x', scalar('INT64')), field('y', scalar('DATE'))] }),
    field('span', { type: 'RANGE', rangeElementType: scalar('DATE') }),
  ],
};
const full = {
  structValues: {
    ...Object.fromEntries(Object.entries(SCALARS).map(([type, value]) => [`f_${type}`, { value }])),
    tags: { arrayValues: [{ value: 'a' }, { value: '' }] },
    inner: { structValues: { x: { value: '1' }, y: { value: null } } },
    span: { rangeValue: { start: { value: '2025-01-01' }, end: {} } },
  },
};
const given = (name: string, rows: readonly object[]) => ({
  name,
  parameterType: { type: 'ARRAY', arrayType: rowType },
  parameterValue: { arrayValues: rows },
});

function statement(textOf: (types: readonly string[]) => string, parameters: readonly object[]) {
  const { parameters: parsed } = parametersFrom('NAMED', parameters);
  const binds = parsed.map(({ name, type }): Bind => ({ from: 'parameter', name: name!, type }));
  const values = parsed.map(({ type, value }): BoundValue => ({ value, type: duckType(type) }));
  return { sql: { text: textOf(parsed.map(({ type }) => physicalType(type))), binds }, values };
}
async function both(sql: { text: string; binds: readonly Bind[] }, values: readonly BoundValue[]) {
  const rows = new GivenRows(connection);
  const { text, values: left } = await rows.in(sql, values);
  const laid = (await (await connection.query(text, left)).getRows()).map(String);
  await rows.drop();
  const bound = (await (await connection.query(sql.text, values)).getRows()).map(String);
  return { text, left, laid, bound };
}

test('rows laid out are the rows bound, every type, nulls and their order', async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? full : i % 3 === 1 ? { structValues: {} } : {}));
  const { sql, values } = statement(([type]) => `SELECT t1.v FROM (SELECT unnest(CAST($1 AS ${type})) AS v) AS t1`, [given('rows', rows)]);
  const { text, left, laid, bound } = await both(sql, values);
  expect(text).not.toContain('$1');
  expect(left).toEqual([]);
  expect(laid).toHaveLength(5000);
  expect(laid).toEqual(bound);
  expect(laid[0]).toContain('9007199254740993');
});

test('what is left is numbered anew, and quotes keep what stands in them', async () => {
  const rows = Array.from({ length: 100 }, () => full);
  const { sql, values } = statement(
    ([, type]) =>
      `SELECT CAST($1 AS BIGINT), CAST($3 AS VARCHAR), '(SELECT unnest(CAST($2 AS X)) AS v) $1', count(*) AS "$2" FROM (SELECT unnest(CAST($2 AS ${type})) AS v) AS t1`,
    [
      { name: 'a', parameterType: scalar('INT64'), parameterValue: { value: '7' } },
      given('rows', rows),
      { name: 'b', parameterType: scalar('STRING'), parameterValue: { value: 'last' } },
    ],
  );
  const { left, laid } = await both(sql, values);
  expect(left).toEqual([values[0], values[2]]);
  expect(laid).toEqual(['7,last,(SELECT unnest(CAST($2 AS X)) AS v) $1,100']);
});

test('an array that is short, or read other than by rows, is bound', async () => {
  const rows = Array.from({ length: 100 }, () => full);
  const long = statement(
    ([type]) => `SELECT len(CAST($1 AS ${type})) FROM (SELECT unnest(CAST($1 AS ${type})) AS v) AS t1 LIMIT 1`,
    [given('rows', rows)],
  );
  expect((await both(long.sql, long.values)).text).toBe(long.sql.text);
  const short = statement(([type]) => `SELECT t1.v FROM (SELECT unnest(CAST($1 AS ${type})) AS v) AS t1`, [given('rows', [full])]);
  expect((await both(short.sql, short.values)).text).toBe(short.sql.text);
});
