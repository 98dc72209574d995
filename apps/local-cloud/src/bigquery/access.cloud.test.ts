/** Access lists: who is not named gets Google's 403, whatever way it comes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { tokenFor } from '../identity/index.ts';
import { type StartedProcess, startProcess } from '../started-process.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;
const READER = 'reader@p.iam.gserviceaccount.com';
const WRITER = 'writer@p.iam.gserviceaccount.com';
const STRANGER = 'stranger@p.iam.gserviceaccount.com';

describe('access lists', () => {
  let cloud: StartedProcess;
  const tokens = new Map<string, string>();
  const call = async (who: string | undefined, method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> => {
    const headers: Record<string, string> = who === undefined ? {} : { authorization: `Bearer ${tokens.get(who) ?? who}` };
    const response = await fetch(`${cloud.addresses.bigquery}/projects/p${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: response.status === 204 ? undefined : await response.json() };
  };
  const query = (who: string | undefined, sql: string) => call(who, 'POST', '/queries', { query: sql, useLegacySql: false });

  beforeAll(async () => {
    cloud = await startProcess();
    for (const who of [READER, WRITER, STRANGER]) tokens.set(who, await tokenFor(who, { dataDir: cloud.dataDir }));
    const access = [
      { role: 'READER', userByEmail: READER },
      { role: 'WRITER', userByEmail: WRITER },
    ];
    await call(undefined, 'POST', '/datasets', { datasetReference: { datasetId: 'd' }, access });
    await call(undefined, 'POST', '/datasets', { datasetReference: { datasetId: 'shared' } });
    await query(undefined, 'create table d.t (tenant string, v int64)');
    await query(undefined, "insert d.t values ('a', 1), ('b', 2)");
  });
  afterAll(() => cloud.dispose());

  test('a reader reads and does not write, a writer does both, a stranger neither', async () => {
    expect((await query(READER, 'select * from d.t')).status).toBe(200);
    expect((await query(READER, 'update d.t set v = 3 where v = 2')).body.error).toMatchObject({
      code: 403,
      errors: [{ reason: 'accessDenied' }],
    });
    expect((await query(WRITER, 'update d.t set v = 2 where v = 2')).status).toBe(200);
    const refused = await query(STRANGER, 'select * from d.t');
    expect(refused.body.error).toMatchObject({
      code: 403,
      message: 'Access Denied: Table p:d.t: User does not have permission to query table p:d.t, or perhaps it does not exist.',
    });
  });

  test('nor may a stranger what an owner has just asked the price of', async () => {
    const access = [{ role: 'WRITER', userByEmail: STRANGER }];
    await call(undefined, 'POST', '/datasets', { datasetReference: { datasetId: 'strange' }, access });
    const sql = 'create table strange.taken as select * from d.t';
    await call(undefined, 'POST', '/queries', { query: sql, useLegacySql: false, dryRun: true });
    expect((await query(STRANGER, sql)).body.error).toMatchObject({ code: 403, errors: [{ reason: 'accessDenied' }] });
    await call(undefined, 'DELETE', '/datasets/strange');
  });

  test.each([
    ['GET', '/datasets/d', undefined],
    ['PATCH', '/datasets/d', { description: 'x' }],
    ['DELETE', '/datasets/d?deleteContents=true', undefined],
    ['GET', '/datasets/d/tables', undefined],
    ['GET', '/datasets/d/tables/t', undefined],
    ['PATCH', '/datasets/d/tables/t', { description: 'x' }],
    ['DELETE', '/datasets/d/tables/t', undefined],
    ['GET', '/datasets/d/tables/t/data', undefined],
    ['POST', '/datasets/d/tables/t/insertAll', { rows: [{ json: { v: 1 } }] }],
    ['POST', '/datasets/d/tables', { tableReference: { tableId: 'new' }, schema: { fields: [{ name: 'a', type: 'STRING' }] } }],
  ])('a stranger is refused %s %s', async (method, path, body) => {
    expect(await call(STRANGER, method, path, body)).toMatchObject({
      status: 403,
      body: { error: { errors: [{ reason: 'accessDenied' }] } },
    });
  });

  test.each([
    'drop table d.t',
    'create or replace table d.t as select 1 as a',
    'create table d.mine as select 1 as a',
    'drop schema d cascade',
    'truncate table d.t',
    'alter table d.t add column x int64',
    'insert d.t select * from d.t',
    'create table shared.copy as select * from d.t',
    'begin select 1; insert d.t values ("x", 1); end',
  ])('a reader is refused: %s', async (sql) => {
    const { body } = await query(READER, sql);
    expect(body.error?.errors?.[0]?.reason).toBe('accessDenied');
  });

  test('a stranger does not see the dataset in lists or in INFORMATION_SCHEMA', async () => {
    expect((await call(STRANGER, 'GET', '/datasets')).body.datasets).toBeUndefined();
    const { body } = await query(STRANGER, 'select schema_name from `region-us`.INFORMATION_SCHEMA.SCHEMATA');
    expect(body.rows ?? []).toEqual([]);
    expect((await query(STRANGER, 'select table_name from d.INFORMATION_SCHEMA.TABLES')).body.rows ?? []).toEqual([]);
  });

  test('an authorized view opens what it shows and nothing else', async () => {
    await query(undefined, "create view shared.of_a as select v from d.t where tenant = 'a'");
    await call(undefined, 'PATCH', '/datasets/shared', { access: [{ role: 'READER', userByEmail: STRANGER }] });
    expect((await query(STRANGER, 'select v from shared.of_a')).status).toBe(403);
    const { access } = (await call(undefined, 'GET', '/datasets/d')).body;
    await call(undefined, 'PATCH', '/datasets/d', {
      access: [...access, { view: { projectId: 'p', datasetId: 'shared', tableId: 'of_a' } }],
    });
    expect((await query(STRANGER, 'select v from shared.of_a')).body.rows).toEqual([{ f: [{ v: '1' }] }]);
    expect((await query(STRANGER, 'select v from d.t')).status).toBe(403);
  });

  test('row access policies show each caller its rows', async () => {
    await query(undefined, 'create table d.rls as select * from d.t');
    await query(undefined, `create row access policy a_only on d.rls grant to ('user:${READER}') filter using (tenant = 'a')`);
    await query(undefined, `create row access policy all_rows on d.rls grant to ('user:${WRITER}') filter using (true)`);
    expect((await query(READER, 'select tenant from d.rls')).body.rows).toEqual([{ f: [{ v: 'a' }] }]);
    expect((await query(WRITER, 'select count(*) from d.rls')).body.rows).toEqual([{ f: [{ v: '2' }] }]);
    expect((await call(READER, 'GET', '/datasets/d/tables/rls/data')).status).toBe(403);
  });

  test('one caller cannot read the results of another, nor use a token that was not signed here', async () => {
    const job = await call(WRITER, 'POST', '/jobs', {
      jobReference: { jobId: 'secret' },
      configuration: { query: { query: 'select * from d.t', useLegacySql: false } },
    });
    expect(job.status).toBe(200);
    expect((await call(STRANGER, 'GET', '/queries/secret')).status).toBe(403);
    expect((await call(STRANGER, 'GET', '/jobs/secret')).status).toBe(403);
    expect((await call('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA', 'GET', '/datasets')).status).toBe(401);
  });
});
