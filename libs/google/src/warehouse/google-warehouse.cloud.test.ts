import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TableSpec, Warehouse } from '@convergence/ports';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bigqueryStorage } from '../clients.ts';
import { grpcOptions, hostsFrom } from '../endpoints.ts';
import { defaultStreams } from './default-stream.ts';
import { googleWarehouse } from './google-warehouse.ts';

let cloud: LocalCloud;
let warehouse: Warehouse;
let files: string;

const things: TableSpec = {
  name: 'things',
  description: 'Things of every type',
  partitionBy: { column: 'day', granularity: 'DAY', expirationDays: 30 },
  clusterBy: ['id'],
  columns: [
    { name: 'id', type: 'STRING', required: true, description: 'Key' },
    { name: 'day', type: 'DATE', required: true, description: 'Day' },
    { name: 'at', type: 'TIMESTAMP', description: 'Time' },
    { name: 'n', type: 'INT64', description: 'Number' },
    { name: 'price', type: 'NUMERIC', description: 'Money' },
    { name: 'flag', type: 'BOOL', description: 'Flag' },
    { name: 'tags', type: 'ARRAY<STRING>', description: 'List' },
    { name: 'parts', type: 'ARRAY<STRUCT<name STRING, size INT64>>', description: 'Structs' },
    { name: 'options', type: 'JSON', description: 'Anything' },
    { name: 'raw', type: 'BYTES', description: 'Bytes' },
  ],
};

beforeAll(async () => {
  cloud = await startLocalCloud();
  warehouse = googleWarehouse({ project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) });
  files = await mkdtemp(join(tmpdir(), 'load-'));
  await warehouse.createDataset('d', { location: 'US', description: 'test' });
}, 60_000);
afterAll(async () => {
  await warehouse?.close();
  await cloud?.stop();
  await rm(files, { recursive: true, force: true });
}, 30_000);

const row = {
  id: 'a',
  day: '2026-01-15',
  at: '2026-01-15T10:00:00.123456Z',
  n: 42,
  price: '12.5',
  flag: true,
  tags: ['x', 'y'],
  parts: [{ name: 'p', size: 1 }],
  options: '{"a":1}',
  raw: Buffer.from([0, 255]),
};

describe('the warehouse on BigQuery', () => {
  test('making things again makes nothing; a view follows its declaration; what is gone is gone', async () => {
    expect(await warehouse.createDataset('d', { location: 'US', description: 'again' })).toBe(false);
    expect(await warehouse.createTable('d', things)).toBe(true);
    expect(await warehouse.createTable('d', things)).toBe(false);
    const view = (sql: string) => warehouse.createView('d', { name: 'v', description: 'view', sql });
    expect(await view('SELECT 1 AS one')).toBe(true);
    expect(await view('SELECT 2 AS two')).toBe(false);
    expect((await warehouse.run({ sql: 'SELECT * FROM d.v' })).rows).toEqual([{ two: 2 }]);
    await warehouse.createDataset('gone', { location: 'US', description: 'test' });
    await warehouse.createTable('gone', things);
    await warehouse.dropDataset('gone');
    await warehouse.dropDataset('gone');
    expect(await warehouse.datasetExists('gone')).toBe(false);
  });

  test('a grant is made once, and leaves what was granted before', async () => {
    const grants = async () => {
      const at = `${cloud.env.BIGQUERY_EMULATOR_HOST}/bigquery/v2/projects/test-project/datasets/d`;
      const dataset = (await (await fetch(at)).json()) as { access: unknown[] };
      const table = (await (await fetch(`${at}/tables/things:getIamPolicy`, { method: 'POST', body: '{}' })).json()) as {
        bindings: unknown[];
      };
      return { dataset: dataset.access, table: table.bindings };
    };
    const before = await grants();
    expect(await warehouse.grant({ dataset: 'd' }, 'read', ['a@x.example', 'b@x.example'])).toBe(true);
    expect(await warehouse.grant({ dataset: 'd' }, 'read', ['b@x.example', 'a@x.example'])).toBe(false);
    expect(await warehouse.grant({ dataset: 'd', table: 'things' }, 'write', ['a@x.example'])).toBe(true);
    expect(await warehouse.grant({ dataset: 'd', table: 'things' }, 'write', ['a@x.example', 'b@x.example'])).toBe(true);
    expect(await warehouse.grant({ dataset: 'd', table: 'things' }, 'write', ['a@x.example', 'b@x.example'])).toBe(false);
    const role = 'roles/bigquery.dataEditor';
    expect(await grants()).toEqual({
      dataset: [...before.dataset, { role: 'READER', userByEmail: 'a@x.example' }, { role: 'READER', userByEmail: 'b@x.example' }],
      table: [
        { role, members: ['serviceAccount:a@x.example'] },
        { role, members: ['serviceAccount:b@x.example'] },
      ],
    });
  });

  test('of grants at the same time none takes another away', async () => {
    const accounts = Array.from({ length: 6 }, (_, n) => `parallel-${n}@x.example`);
    await warehouse.createDataset('crowded', { location: 'US', description: 'test' });
    await warehouse.createTable('crowded', things);
    await Promise.all(
      accounts.flatMap((account) => [
        warehouse.grant({ dataset: 'crowded' }, 'write', [account]),
        warehouse.grant({ dataset: 'crowded', table: 'things' }, 'read', [account]),
      ]),
    );
    expect(await warehouse.grant({ dataset: 'crowded' }, 'write', accounts)).toBe(false);
    expect(await warehouse.grant({ dataset: 'crowded', table: 'things' }, 'read', accounts)).toBe(false);
  });

  test('columns are told as they were declared, and added', async () => {
    expect((await warehouse.columnsOf('d', 'things'))?.map((c) => `${c.name} ${c.type}`)).toEqual(
      things.columns.map((c) => `${c.name} ${c.type}`),
    );
    await warehouse.addColumns('d', 'things', [{ name: 'later', type: 'STRING', description: 'It\'s "new"' }]);
    await warehouse.addColumns('d', 'things', [{ name: 'later', type: 'STRING', description: 'again' }]);
    expect((await warehouse.columnsOf('d', 'things'))?.at(-1)).toEqual({ name: 'later', type: 'STRING', mode: 'NULLABLE' });
    expect(await warehouse.columnsOf('d', 'nothing')).toBeUndefined();
  });

  test('rows appended by Storage Write are there at once, with every type', async () => {
    await warehouse.append('d', 'things', [row, { id: 'b', day: '2026-01-16' }]);
    const { rows } = await warehouse.run({ sql: 'SELECT * FROM d.things ORDER BY id' });
    expect(rows[0]).toEqual({ ...row, later: null });
    expect(rows[1]).toMatchObject({ id: 'b', day: '2026-01-16', at: null, n: null, tags: [], parts: [] });
    await expect(warehouse.append('d', 'things', [{ id: 'c', day: '2026-01-16', wrong: 1 }])).rejects.toThrow(
      'the table has no column wrong',
    );
  });

  test('a column that is added after rows of it were refused takes them at once', async () => {
    await warehouse.createTable('d', { name: 'grown', description: 'x', columns: [{ name: 'id', type: 'STRING', description: 'x' }] });
    const append = () => warehouse.append('d', 'grown', [{ id: 'a', later: 'b' }]);
    await expect(append()).rejects.toMatchObject({ name: 'WarehouseError', message: 'the table has no column later' });
    await warehouse.addColumns('d', 'grown', [{ name: 'later', type: 'STRING', description: 'x' }]);
    await append();
    expect((await warehouse.run({ sql: 'SELECT * FROM d.grown' })).rows).toEqual([{ id: 'a', later: 'b' }]);
  });

  test.each(['storage-write.answer_lost', 'storage-write.slow'])('rows whose answer does not come are sent again: %s', async (fault) => {
    const config = { project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) };
    const client = new (bigqueryStorage().managedwriter.WriterClient)(grpcOptions(config, 'bigqueryStorage') as never);
    const streams = defaultStreams(() => client, config, 1_000);
    await streams.append('d', 'things', [{ id: fault, day: '2026-01-17' }]);
    const plan = { [fault]: { times: 1, delayMs: 600_000 } };
    await fetch(`${cloud.env.BIGQUERY_EMULATOR_HOST}/__control/faults`, { method: 'PUT', body: JSON.stringify(plan) });
    await streams.append('d', 'things', [{ id: fault, day: '2026-01-18' }]);
    const { rows } = await warehouse.run({ sql: `SELECT DISTINCT day FROM d.things WHERE id = '${fault}' ORDER BY day` });
    expect(rows).toEqual([{ day: '2026-01-17' }, { day: '2026-01-18' }]);
    streams.close();
    client.close();
  });

  test('parameters of every type travel, nulls and empty lists too', async () => {
    const { rows } = await warehouse.run({
      sql: 'SELECT @s AS s, @n AS n, @big AS big, @price AS price, @flag AS flag, @at AS at_time, @day AS day, @tags AS tags, @none AS none, (SELECT COUNT(*) FROM UNNEST(@rows)) AS many, @raw AS raw',
      parameters: {
        s: { type: 'STRING', value: 'it\'s "ü"' },
        n: { type: 'INT64', value: 7 },
        big: { type: 'INT64', value: 9223372036854775807n },
        price: { type: 'NUMERIC', value: '0.1' },
        flag: { type: 'BOOL', value: false },
        at: { type: 'TIMESTAMP', value: '2026-01-15T10:00:00.5Z' },
        day: { type: 'DATE', value: null },
        tags: { type: 'ARRAY<STRING>', value: [] },
        none: { type: 'STRING', value: null },
        rows: {
          type: 'ARRAY<STRUCT<a STRING, b INT64>>',
          value: [
            { a: 'x', b: null },
            { a: null, b: 2 },
          ],
        },
        raw: { type: 'BYTES', value: Buffer.from('hi') },
      },
    });
    expect(rows).toEqual([
      {
        s: 'it\'s "ü"',
        n: 7,
        big: '9223372036854775807',
        price: '0.1',
        flag: false,
        at_time: '2026-01-15T10:00:00.500Z',
        day: null,
        tags: [],
        none: null,
        many: 2,
        raw: Buffer.from('hi'),
      },
    ]);
  });

  test('a parameter stands where it is written, inside of an aggregate too', async () => {
    const { rows } = await warehouse.run({
      sql: 'SELECT SUM(IF(n < @below, n * @times, 0)) AS total, COUNTIF(n < @below) AS few, AVG(IF(n < @below, n, NULL)) AS mean, MAX(IF(n = @below, n, NULL)) AS most FROM UNNEST([1, 2, 3, 4]) AS n',
      parameters: { times: { type: 'INT64', value: 10 }, below: { type: 'INT64', value: 3 } },
    });
    expect(rows).toEqual([{ total: 30, few: 2, mean: 1.5, most: 3 }]);
  });

  test('DML says how many rows it changed; a job id makes a resend harmless', async () => {
    const insert = { sql: "INSERT INTO d.things (id, day) VALUES ('once', '2026-01-15')", jobId: `job-${Date.now()}` };
    expect((await warehouse.run(insert)).affectedRows).toBe(1);
    expect((await warehouse.run(insert)).affectedRows).toBe(1);
    expect((await warehouse.run({ sql: "SELECT COUNT(*) AS n FROM d.things WHERE id = 'once'" })).rows).toEqual([{ n: 1 }]);
    expect((await warehouse.run({ sql: "UPDATE d.things SET n = 1 WHERE id = 'nobody'" })).affectedRows).toBe(0);
  });

  test('large answers come in pages', async () => {
    let seen = 0;
    let sum = 0;
    for await (const page of warehouse.pages({ sql: 'SELECT n FROM UNNEST(GENERATE_ARRAY(1, 2500)) AS n' }, 1000)) {
      seen += 1;
      for (const r of page) sum += Number(r.n);
    }
    expect([seen, sum]).toEqual([3, (2500 * 2501) / 2]);
  });

  test('what BigQuery refuses is a WarehouseError with its reason; a dry run tells bytes and columns', async () => {
    await expect(warehouse.run({ sql: 'SELECT * FROM d.nothing' })).rejects.toMatchObject({ name: 'WarehouseError', reason: 'notFound' });
    await expect(warehouse.run({ sql: 'SELEC 1' })).rejects.toMatchObject({ name: 'WarehouseError', reason: 'invalidQuery' });
    const dry = await warehouse.dryRun({ sql: 'SELECT id, n FROM d.things' });
    expect(dry.schema).toEqual([
      { name: 'id', type: 'STRING' },
      { name: 'n', type: 'INT64' },
    ]);
  });

  test('a file is loaded once, whoever asks twice', async () => {
    await warehouse.createTable('d', { name: 'loaded', description: 'x', columns: [{ name: 'a', type: 'STRING', description: 'x' }] });
    const path = join(files, 'rows.ndjson');
    await writeFile(path, '{"a":"1"}\n{"a":"2"}\n');
    const jobId = `load-${Date.now()}`;
    const load = () => warehouse.load('d', 'loaded', { path, format: 'NEWLINE_DELIMITED_JSON' }, 'append', jobId);
    expect(await load()).toBe(2);
    expect(await load()).toBe(2);
    expect((await warehouse.run({ sql: 'SELECT COUNT(*) AS n FROM d.loaded' })).rows).toEqual([{ n: 2 }]);
  });

  test('a file with a row that is wrong is refused with what is wrong with it', async () => {
    await warehouse.createTable('d', { name: 'wrong', description: 'x', columns: [{ name: 'id', type: 'STRING', description: 'x' }] });
    const path = join(files, 'wrong.ndjson');
    await writeFile(path, '{"id":"1"}\n{"id":"2","nope":true}\n');
    const loading = warehouse.load('d', 'wrong', { path, format: 'NEWLINE_DELIMITED_JSON' }, 'append', `wrong-${Date.now()}`);
    await expect(loading).rejects.toMatchObject({
      name: 'WarehouseError',
      reason: 'invalid',
      message: expect.stringContaining('JSON parsing error in row starting at position 11: No such field: nope.'),
    });
  });

  test('an aborted statement rejects at once', async () => {
    const aborting = new AbortController();
    const running = warehouse.run({ sql: 'SELECT 1', signal: aborting.signal });
    aborting.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });
});
