/** The whole flow by Google's own client, against a running process. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BigQuery, type Query } from '@google-cloud/bigquery';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;

describe('@google-cloud/bigquery', () => {
  let cloud: StartedProcess;
  let bq: BigQuery;
  let files: string;
  const rows = async (query: string | Query): Promise<Json[]> => ((await bq.query(query as Query)) as unknown as [Json[]])[0];
  const dml = async (query: string | Query): Promise<Json> => ((await bq.query(query as Query)) as unknown as [unknown, unknown, Json])[2];
  const failure = async (work: Promise<unknown>): Promise<Json> =>
    work.then(
      () => {
        throw new Error('it did not fail');
      },
      (error) => error,
    );

  beforeAll(async () => {
    cloud = await startProcess();
    bq = new BigQuery({ projectId: 'convergence-local', apiEndpoint: cloud.addresses.bigquery });
    files = mkdtempSync(join(tmpdir(), 'bigquery-test-'));
    await bq.createDataset('d');
  });
  afterAll(async () => {
    rmSync(files, { recursive: true, force: true });
    await cloud.dispose();
  });

  describe('datasets', () => {
    test('are created, listed, read, patched under an etag, and deleted', async () => {
      const [dataset] = await bq.createDataset('life', { labels: { team: 'x' }, description: 'first' });
      expect((await failure(bq.createDataset('life'))).code).toBe(409);
      const [metadata] = await dataset.getMetadata();
      expect(metadata).toMatchObject({ id: 'convergence-local:life', labels: { team: 'x' }, description: 'first', location: 'US' });
      const [patched] = await dataset.setMetadata({ description: 'second', labels: { team: null, other: 'y' } } as never);
      expect(patched).toMatchObject({ description: 'second', labels: { other: 'y' } });
      const stale = await fetch(`${cloud.addresses.bigquery}/projects/convergence-local/datasets/life`, {
        method: 'PATCH',
        headers: { 'if-match': metadata.etag },
        body: '{}',
      });
      expect(stale.status).toBe(412);
      expect((await bq.getDatasets())[0].map((d) => d.id)).toEqual(['d', 'life']);
      expect((await bq.getDatasets({ filter: 'labels.other:y' }))[0].map((d) => d.id)).toEqual(['life']);
      await dataset.createTable('t', { schema: 'a:integer' });
      expect((await failure(dataset.delete())).message).toContain('is still in use');
      await dataset.delete({ force: true });
      expect((await dataset.exists())[0]).toBe(false);
      expect((await failure(dataset.getMetadata())).message).toBe('Not found: Dataset convergence-local:life');
    });

    test('a name that breaks the rules is refused', async () => {
      expect((await failure(bq.createDataset('a-b'))).errors[0]).toMatchObject({ reason: 'invalid' });
      expect((await failure(bq.createDataset('x"; drop'))).code).toBe(400);
    });

    test('lists come in pages', async () => {
      for (let i = 0; i < 5; i++) await bq.dataset('d').createTable(`page_${i}`, { schema: 'a:integer' });
      const [first, next] = (await bq.dataset('d').getTables({ maxResults: 2, autoPaginate: false })) as unknown as [Json[], Json];
      expect(first).toHaveLength(2);
      const [second] = await bq.dataset('d').getTables({ ...next });
      expect(first.concat(second).map((t) => t.id)).not.toContain(undefined);
      expect((await bq.dataset('d').getTables())[0].filter((t) => t.id!.startsWith('page_'))).toHaveLength(5);
    });
  });

  describe('tables', () => {
    test('take a schema with nested fields, partitions, clusters, keys; are widened but not narrowed', async () => {
      const schema = [
        { name: 'id', type: 'INTEGER', mode: 'REQUIRED', description: 'the key' },
        { name: 'day', type: 'DATE' },
        { name: 'tags', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'key', type: 'STRING' }] },
      ];
      const [table] = await bq.dataset('d').createTable('shape', {
        schema,
        timePartitioning: { type: 'DAY', field: 'day' },
        clustering: { fields: ['id'] },
        description: 'a table',
      });
      const [metadata] = await table.getMetadata();
      expect(metadata).toMatchObject({
        type: 'TABLE',
        numRows: '0',
        timePartitioning: { type: 'DAY', field: 'day' },
        clustering: { fields: ['id'] },
        description: 'a table',
        schema: { fields: schema },
      });
      await rows("insert d.shape (id, day, tags) values (1, '2025-01-01', [struct('a' as key)])");
      const wider = [...schema, { name: 'extra', type: 'NUMERIC' }];
      wider[2] = {
        ...schema[2]!,
        fields: [
          { name: 'key', type: 'STRING' },
          { name: 'value', type: 'INTEGER' },
        ],
      } as never;
      await table.setMetadata({ schema: { fields: wider } } as never);
      expect(await rows('select id, tags, extra from d.shape')).toEqual([{ id: 1, tags: [{ key: 'a', value: null }], extra: null }]);
      expect((await failure(table.setMetadata({ schema: { fields: schema.slice(0, 2) } } as never))).message).toContain(
        'Provided Schema does not match',
      );
      expect((await failure(bq.dataset('d').createTable('shape', { schema: 'a:string' }))).errors[0].reason).toBe('duplicate');
    });

    test('views compile where they are used and know their columns', async () => {
      await bq.dataset('d').createTable('base', { schema: 'a:integer,b:string' });
      await rows("insert d.base values (1, 'x'), (2, 'y')");
      const [view] = await bq
        .dataset('d')
        .createTable('v', { view: { query: 'select a * 2 as twice, b from d.base', useLegacySql: false } } as never);
      expect((await view.getMetadata())[0]).toMatchObject({
        type: 'VIEW',
        schema: {
          fields: [
            { name: 'twice', type: 'INTEGER' },
            { name: 'b', type: 'STRING' },
          ],
        },
      });
      expect(await rows('select twice from d.v order by 1')).toEqual([{ twice: 2 }, { twice: 4 }]);
      expect((await failure(bq.dataset('d').createTable('broken', { view: { query: 'select nope from d.base' } } as never))).code).toBe(
        400,
      );
    });

    test('rows by insertAll are there at once; a bad row is told by index and field and stops the others', async () => {
      const [table] = await bq.dataset('d').createTable('streamed', { schema: 'a:integer,s:string,t:timestamp' });
      await table.insert([{ a: 1, s: 'x', t: BigQuery.timestamp('2025-01-01T00:00:00.123Z') }]);
      expect(await rows('select * from d.streamed')).toEqual([{ a: 1, s: 'x', t: BigQuery.timestamp('2025-01-01T00:00:00.123Z') }]);
      const error = await failure(table.insert([{ a: 2 }, { a: 'not a number' }, { zz: 1 }]));
      expect(error.name).toBe('PartialFailureError');
      expect(error.errors.map((e: Json) => e.errors[0].reason).sort()).toEqual(['invalid', 'invalid', 'stopped']);
      expect(await rows('select count(*) as n from d.streamed')).toEqual([{ n: 1 }]);
      await failure(table.insert([{ a: 3 }, { a: 'x' }], { skipInvalidRows: true }));
      await table.insert(
        [
          { insertId: 'once', json: { a: 4 } },
          { insertId: 'once', json: { a: 4 } },
        ],
        { raw: true },
      );
      await table.insert([{ a: 5, zz: 1 }], { ignoreUnknownValues: true });
      expect((await rows('select a from d.streamed order by a')).map((r) => r.a)).toEqual([1, 3, 4, 5]);
      expect((await table.getMetadata())[0].streamingBuffer).toMatchObject({ estimatedRows: '4' });
      const [listed] = await table.getRows({ maxResults: 2, autoPaginate: false } as never);
      expect(listed).toHaveLength(2);
      expect((await table.getRows())[0]).toHaveLength(4);
    });
  });

  describe('queries', () => {
    test('answer with types, by the short path and by a job', async () => {
      const query =
        "select 1 as i, 'x' as s, timestamp '2025-01-02 03:04:05.000006+00' as t, date '2025-01-02' as d, numeric '1.5' as n, [1, 2] as a, struct(1 as x, [struct('q' as z)] as y) as st, b'\\x00\\xff' as b, true as ok, 1.5 as f, json '{\"a\":1}' as j";
      const expected = {
        i: 1,
        s: 'x',
        t: BigQuery.timestamp('2025-01-02T03:04:05.000006Z'),
        d: BigQuery.date('2025-01-02'),
        n: expect.anything(),
        a: [1, 2],
        st: { x: 1, y: [{ z: 'q' }] },
        b: Buffer.from([0, 255]),
        ok: true,
        f: 1.5,
        j: '{"a":1}',
      };
      expect(await rows(query)).toEqual([expected]);
      const [job] = await bq.createQueryJob({ query });
      expect((await job.getQueryResults())[0]).toEqual([expected]);
      const [metadata] = await job.getMetadata();
      expect(metadata).toMatchObject({ status: { state: 'DONE' }, statistics: { query: { statementType: 'SELECT' } } });
    });

    test('take parameters of every kind', async () => {
      const [row] = await rows({
        query:
          'select @i as i, @s as s, @n as n, @list as list, @none as none, @empty as empty, @st.a as a, (select sum(r.v) from unnest(@rs) as r) as total, array_length(@rs) as c',
        params: {
          i: 5,
          s: "o'x",
          n: null,
          list: ['a', 'b'],
          none: null,
          empty: [],
          st: { a: 7 },
          rs: [
            { k: 'a', v: 1 },
            { k: 'b', v: 2 },
          ],
        },
        types: { n: 'INT64', none: 'STRING', empty: ['STRING'] },
      });
      expect(row).toEqual({ i: 5, s: "o'x", n: null, list: ['a', 'b'], none: null, empty: [], a: 7, total: 3, c: 2 });
      expect(await rows({ query: 'select ? + ? as x', params: [1, 2] })).toEqual([{ x: 3 }]);
      expect(await rows({ query: 'select @t as t', params: { t: BigQuery.timestamp('2025-01-01T00:00:00Z') } })).toEqual([
        { t: BigQuery.timestamp('2025-01-01T00:00:00Z') },
      ]);
    });

    test('take a thousand rows of one parameter, alone and in a transaction, and leave nothing of them when they fail', async () => {
      await rows('create table d.given (id int64 not null, v string)');
      const params = { rows: Array.from({ length: 1000 }, (_, id) => ({ id, v: id % 2 ? `v${id}` : null })) };
      const types = { rows: [{ id: 'INT64', v: 'STRING' }] };
      const run = (query: string) => rows({ query, params, types } as Query);
      const merge =
        'merge d.given t using unnest(@rows) s on t.id = s.id when matched then update set v = s.v when not matched then insert row';
      const state = async () => (await rows('select count(*) as n, count(v) as v, max(id) as top from d.given'))[0];
      await run(merge);
      await run(merge);
      expect(await state()).toEqual({ n: 1000, v: 500, top: 999 });
      await run('update d.given t set v = null from unnest(@rows) s where s.id = t.id and s.id < 100');
      expect(await state()).toEqual({ n: 1000, v: 450, top: 999 });
      expect(await run('select count(distinct r.id) as n from unnest(@rows) r where r.v is not null')).toEqual([{ n: 500 }]);
      const twice = 'update d.given t set v = s.v from unnest(@rows) s where s.id >= t.id';
      expect((await failure(run(twice))).message).toContain('must match at most one source row');
      await run(`begin transaction; delete d.given where true; ${merge}; select count(*) from unnest(@rows) r; commit transaction`);
      expect(await state()).toEqual({ n: 1000, v: 500, top: 999 });
    });

    test('say what DML did, and bill at least 10 MB a table', async () => {
      await rows('create table d.dml (id int64, v string)');
      expect(await dml("insert d.dml values (1, 'a'), (2, 'b'), (3, 'c')")).toMatchObject({
        numDmlAffectedRows: '3',
        dmlStats: { insertedRowCount: '3' },
      });
      expect(await dml("update d.dml set v = 'z' where id > 1")).toMatchObject({
        numDmlAffectedRows: '2',
        dmlStats: { updatedRowCount: '2' },
      });
      expect(await dml('delete d.dml where id = 3')).toMatchObject({ numDmlAffectedRows: '1', dmlStats: { deletedRowCount: '1' } });
      const merged = await dml({
        query:
          'merge d.dml t using unnest(@rows) s on t.id = s.id when matched then update set v = s.v when not matched then insert (id, v) values (s.id, s.v)',
        params: {
          rows: [
            { id: 1, v: 'm' },
            { id: 9, v: 'n' },
          ],
        },
      });
      expect(merged).toMatchObject({ numDmlAffectedRows: '2', dmlStats: { insertedRowCount: '1', updatedRowCount: '1' } });
      const [job] = await bq.createQueryJob('select count(*) as n from d.dml');
      await job.getQueryResults();
      const [{ statistics }] = (await job.getMetadata()) as Json;
      expect(statistics.query).toMatchObject({ totalBytesBilled: String(10 * 1024 * 1024), cacheHit: false });
    });

    test('a merge with two sources for one row fails and changes nothing', async () => {
      await rows('create table d.twice (id int64, v int64)');
      await rows('insert d.twice values (1, 0)');
      const error = await failure(
        rows('merge d.twice t using unnest([struct(1 as id, 1 as v), struct(1, 2)]) s on t.id = s.id when matched then update set v = s.v'),
      );
      expect(error.message).toContain('must match at most one source row for each target row');
      expect(await rows('select v from d.twice')).toEqual([{ v: 0 }]);
    });

    test('come in pages that neither repeat nor lose a row', async () => {
      const [job] = await bq.createQueryJob('select x from unnest(generate_array(1, 250)) as x order by x');
      const seen: number[] = [];
      let next: Json = { maxResults: 100, autoPaginate: false };
      while (next) {
        const [page, query] = (await job.getQueryResults(next)) as unknown as [Json[], Json];
        seen.push(...page.map((r) => r.x));
        next = query;
      }
      expect(seen).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
    });

    test('large results are kept outside of memory and paged in order', async () => {
      const [job] = await bq.createQueryJob(
        'select a * 1000 + b as x, repeat("y", 10) as y from unnest(generate_array(0, 299)) as a, unnest(generate_array(0, 999)) as b order by x',
      );
      const [, , first] = (await job.getQueryResults({ maxResults: 10, autoPaginate: false })) as unknown as [Json[], Json, Json];
      expect(first.totalRows).toBe('300000');
      const [late] = (await job.getQueryResults({ startIndex: '299990', autoPaginate: false } as never)) as Json;
      expect(late.map((r: Json) => r.x)).toEqual(Array.from({ length: 10 }, (_, i) => 299990 + i));
    });

    test('a dry run tells schema and bytes and does nothing', async () => {
      const [job] = (await bq.createQueryJob({ query: "insert d.dml values (77, 'x')", dryRun: true })) as Json;
      expect(job.metadata.statistics.query.statementType).toBe('INSERT');
      expect(await rows('select * from d.dml where id = 77')).toEqual([]);
      const [read] = (await bq.createQueryJob({ query: 'select id, v from d.dml', dryRun: true })) as Json;
      expect(Number(read.metadata.statistics.totalBytesProcessed)).toBeGreaterThan(0);
      expect(read.metadata.statistics.query.schema.fields).toHaveLength(2);
    });

    test('bytes are those of the partitions that a filter leaves, in a dry run, in a job and for what may be billed', async () => {
      await rows('create table d.parted (day date, v int64) partition by day');
      await rows("insert d.parted select date_add('2025-01-01', interval i day), i from unnest(generate_array(0, 9)) i");
      const bytes = async (query: string, more: object = {}) => {
        const [job] = await bq.createQueryJob({ query, dryRun: true, ...more });
        return Number(job.metadata.statistics.totalBytesProcessed);
      };
      expect(await bytes('select * from d.parted')).toBe(160);
      expect(await bytes("select * from d.parted where day >= '2025-01-09' and v > 100")).toBe(32);
      expect(await bytes('select v from d.parted where day = @day', { params: { day: bq.date('2025-01-03') } })).toBe(16);
      expect(await bytes("delete d.parted where day = '2025-01-03'")).toBe(16);
      const [job] = await bq.createQueryJob("select * from d.parted where day = '2025-01-03'");
      expect((await job.getQueryResults())[0]).toMatchObject([{ v: 2 }]);
      expect(((await job.getMetadata()) as Json)[0].statistics.totalBytesProcessed).toBe('16');
    });

    test('a table that requires a filter on its partitions is not read or changed without one', async () => {
      await rows('create table d.strict (day date, v int64) partition by day options (require_partition_filter = true)');
      await rows("insert d.strict values ('2025-01-01', 1), ('2025-01-02', 2)");
      await rows('create view d.strict_view as select day, sum(v) as v from d.strict group by day');
      const message =
        "Cannot query over table 'convergence-local.d.strict' without a filter over column(s) 'day' that can be used for partition elimination";
      for (const query of [
        'select * from d.strict',
        'select * from d.strict where v = 1',
        'delete d.strict where v = 1',
        'merge d.strict t using (select 1 as v) s on t.v = s.v when matched then delete',
        'select * from d.strict_view',
        "select (select max(v) from d.strict) from d.strict where day = '2025-01-01'",
      ]) {
        expect((await failure(rows(query))).message).toContain(message);
        expect((await failure(bq.createQueryJob({ query, dryRun: true }))).message).toContain(message);
      }
      expect(await rows("select v from d.strict_view where day = '2025-01-02'")).toEqual([{ v: 2 }]);
      expect(await rows("with s as (select * from d.strict) select v from s where day > '2025-01-01'")).toEqual([{ v: 2 }]);
      await rows("update d.strict set v = 3 where day = '2025-01-02'");
      await rows('create table d.strict_load (v int64) partition by _PARTITIONDATE options (require_partition_filter = true)');
      expect((await failure(rows('select v from d.strict_load'))).message).toContain(
        "column(s) '_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME' that",
      );
      expect(await rows("select v from d.strict_load where _PARTITIONDATE = '2025-01-01'")).toEqual([]);
      await bq
        .dataset('d')
        .table('strict')
        .setMetadata({ requirePartitionFilter: false } as never);
      expect(await rows('select sum(v) as v from d.strict')).toEqual([{ v: 4 }]);
    });

    test('a dry run follows what statements added and removed, and so do the rows that a table tells', async () => {
      await rows('create table d.sized (id int64, n int64)');
      const sized = async (sql: string, count: number) => {
        await rows(sql);
        const [read] = (await bq.createQueryJob({ query: 'select id from d.sized', dryRun: true })) as Json;
        expect(Number(read.metadata.statistics.totalBytesProcessed)).toBe(8 * count);
        const [metadata] = await bq.dataset('d').table('sized').getMetadata();
        expect(metadata).toMatchObject({ numRows: String(count), numBytes: String(16 * count) });
      };
      await sized('insert d.sized values (1, 1), (2, 2)', 2);
      await sized('insert d.sized select x, x from unnest(generate_array(3, 9)) x', 9);
      await sized('delete from d.sized where id < 4', 6);
      await sized(
        'merge d.sized t using unnest([4, 20]) s on t.id = s when matched then delete when not matched then insert values (s, s)',
        6,
      );
    });

    test('errors carry reason, message and place', async () => {
      const syntax = await failure(rows('selec 1'));
      expect(syntax.errors[0]).toMatchObject({ reason: 'invalidQuery', message: expect.stringMatching(/\[1:1\]$/) });
      expect((await failure(rows('select nope from d.dml'))).message).toMatch(/nope.* at \[1:8\]/);
      const missing = await failure(rows('select * from d.absent'));
      expect(missing).toMatchObject({ code: 404, errors: [{ reason: 'notFound' }] });
      expect(missing.message).toContain('convergence-local:d.absent');
      expect((await failure(rows('select 1 / 0'))).message).toContain('division by zero');
    });

    test('a destination table takes the rows by its disposition', async () => {
      const destination = bq.dataset('d').table('dest');
      const run = async (options: object) =>
        (await (await bq.createQueryJob({ query: 'select 1 as a', destination, ...options }))[0].getQueryResults())[0];
      await run({});
      expect((await failure(run({}))).message).toContain('Already Exists');
      await run({ writeDisposition: 'WRITE_APPEND' });
      expect(await rows('select count(*) as n from d.dest')).toEqual([{ n: 2 }]);
      await run({ writeDisposition: 'WRITE_TRUNCATE' });
      expect(await rows('select count(*) as n from d.dest')).toEqual([{ n: 1 }]);
      expect(
        (
          await failure(
            bq
              .createQueryJob({ query: 'select 1 as a', destination: bq.dataset('d').table('never'), createDisposition: 'CREATE_NEVER' })
              .then(([job]) => job.getQueryResults()),
          )
        ).message,
      ).toContain('Not found: Table');
    });

    test('maximumBytesBilled stops what would cost more', async () => {
      const error = await failure(rows({ query: 'select * from d.dml', maximumBytesBilled: '1' } as never));
      expect(error.errors[0].reason).toBe('bytesBilledLimitExceeded');
    });

    test('the same query again is a cache hit until a row changes', async () => {
      await rows('create table d.cached as select 1 as a');
      const hit = async () => {
        const [job] = await bq.createQueryJob('select a from d.cached');
        const [found] = await job.getQueryResults();
        return { found, hit: ((await job.getMetadata())[0] as Json).statistics.query.cacheHit };
      };
      expect(await hit()).toEqual({ found: [{ a: 1 }], hit: false });
      expect(await hit()).toEqual({ found: [{ a: 1 }], hit: true });
      await bq
        .dataset('d')
        .table('cached')
        .insert([{ a: 2 }]);
      const after = await hit();
      expect(after.hit).toBe(false);
      expect(after.found).toHaveLength(2);
    });

    test('a query whose rows in the cache had to make room runs again', async () => {
      await rows('create table d.forgotten as select 1 as a');
      const ask = () => rows('select a from d.forgotten');
      expect(await ask()).toEqual([{ a: 1 }]);
      for (let i = 0; i < 80; i += 1) {
        await bq.createQueryJob(`select repeat('x', 1000) as x, ${i} as i from unnest(generate_array(1, 3000))`);
      }
      expect(await ask()).toEqual([{ a: 1 }]);
    });
  });

  describe('jobs', () => {
    test('an id is used once, also after kill -9; a requestId is the same job', async () => {
      await rows('create table d.jobs (a int64)');
      const insert = () => bq.createQueryJob({ query: 'insert d.jobs values (1)', jobId: 'mine-1' });
      const [job] = await insert();
      await job.getQueryResults();
      const again = await fetch(`${cloud.addresses.bigquery}/projects/convergence-local/jobs`, {
        method: 'POST',
        body: JSON.stringify({
          jobReference: { jobId: 'mine-1' },
          configuration: { query: { query: 'insert d.jobs values (1)', useLegacySql: false } },
        }),
      });
      expect(again.status).toBe(409);
      const request = () =>
        fetch(`${cloud.addresses.bigquery}/projects/convergence-local/queries`, {
          method: 'POST',
          body: JSON.stringify({ query: 'insert d.jobs values (2)', useLegacySql: false, requestId: 'r-1' }),
        }).then((r) => r.json());
      expect(await request()).toMatchObject({ numDmlAffectedRows: '1' });
      expect(await request()).toMatchObject({ numDmlAffectedRows: '1' });
      await cloud.kill();
      await cloud.start();
      bq = new BigQuery({ projectId: 'convergence-local', apiEndpoint: cloud.addresses.bigquery });
      expect(await request()).toMatchObject({ numDmlAffectedRows: '1' });
      const late = await fetch(`${cloud.addresses.bigquery}/projects/convergence-local/jobs`, {
        method: 'POST',
        body: JSON.stringify({
          jobReference: { jobId: 'mine-1' },
          configuration: { query: { query: 'insert d.jobs values (1)', useLegacySql: false } },
        }),
      });
      expect(late.status).toBe(409);
      expect(await rows('select a, count(*) as n from d.jobs group by a order by a')).toEqual([
        { a: 1, n: 1 },
        { a: 2, n: 1 },
      ]);
      expect((await bq.job('mine-1').getMetadata())[0]).toMatchObject({
        status: { state: 'DONE' },
        statistics: { query: { numDmlAffectedRows: '1' } },
      });
    });

    test('are listed with labels and can be cancelled', async () => {
      const [job] = await bq.createQueryJob({
        query: 'select count(*) from unnest(generate_array(1, 1000000)) a, unnest(generate_array(1, 1000000)) b',
        labels: { purpose: 'long' },
      });
      const [{ job: cancelled }] = (await job.cancel()) as Json;
      expect(cancelled.configuration.labels).toEqual({ purpose: 'long' });
      const error = await failure(job.getQueryResults());
      expect(error.errors[0].reason).toBe('stopped');
      expect((await bq.getJobs())[0].map((j) => j.id)).toContain(job.id);
    });

    /** Without a token the client leaves out the headers that its own upload then writes to. */
    const uploading = () => {
      const client = new BigQuery({ projectId: 'convergence-local', apiEndpoint: cloud.addresses.bigquery });
      const authenticate = client.makeAuthenticatedRequest as unknown as (options: object, callback: unknown) => unknown;
      client.makeAuthenticatedRequest = ((options: object, callback: unknown) =>
        authenticate({ headers: {}, ...options }, callback)) as never;
      return client.dataset('d');
    };

    test('load CSV, NDJSON and Parquet files, with and without a schema; extract and copy them', async () => {
      const csv = join(files, 'a.csv');
      writeFileSync(csv, 'id,name,when\n1,"x, ""y""",2025-01-01 00:00:00\n2,,2025-01-02T00:00:00Z\n');
      const [loaded] = await uploading().table('csv').load(csv, { autodetect: true, sourceFormat: 'CSV' });
      expect((loaded as Json).status.state).toBe('DONE');
      expect(await rows('select id, name, `when` from d.csv order by id')).toEqual([
        { id: 1, name: 'x, "y"', when: BigQuery.timestamp('2025-01-01T00:00:00.000Z') },
        { id: 2, name: null, when: BigQuery.timestamp('2025-01-02T00:00:00.000Z') },
      ]);
      const ndjson = join(files, 'a.json');
      writeFileSync(ndjson, '{"id": 3, "tags": ["a", "b"], "inner": {"x": 1.5}}\n{"id": 4}\n');
      await uploading().table('nd').load(ndjson, { autodetect: true, sourceFormat: 'NEWLINE_DELIMITED_JSON' });
      expect(await rows('select * from d.nd order by id')).toEqual([
        { id: 3, tags: ['a', 'b'], inner: { x: 1.5 } },
        { id: 4, tags: [], inner: null },
      ]);
      const parquet = join(files, 'a.parquet');
      const [toParquet] = await bq.createJob({
        configuration: {
          extract: {
            sourceTable: { projectId: 'convergence-local', datasetId: 'd', tableId: 'nd' },
            destinationUris: [`file://${parquet}`],
            destinationFormat: 'PARQUET',
          },
        },
      });
      await toParquet.promise();
      await uploading().table('pq').load(parquet, { sourceFormat: 'PARQUET' });
      expect(await rows('select id, tags from d.pq order by id')).toEqual([
        { id: 3, tags: ['a', 'b'] },
        { id: 4, tags: [] },
      ]);
      const out = join(files, 'out.csv');
      const [extract] = await bq.createJob({
        configuration: {
          extract: { sourceTable: { projectId: 'convergence-local', datasetId: 'd', tableId: 'csv' }, destinationUris: [`file://${out}`] },
        },
      });
      await extract.promise();
      expect(readFileSync(out, 'utf8')).toBe('id,name,when\n1,"x, ""y""",2025-01-01 00:00:00 UTC\n2,,2025-01-02 00:00:00 UTC\n');
      await bq.dataset('d').table('csv').copy(bq.dataset('d').table('csv_copy'));
      expect(await rows('select count(*) as n from d.csv_copy')).toEqual([{ n: 2 }]);
      const bad = join(files, 'bad.csv');
      writeFileSync(bad, '1,x\nnope,y\n');
      const error = await failure(
        uploading()
          .table('bad')
          .load(bad, {
            schema: {
              fields: [
                { name: 'id', type: 'INTEGER' },
                { name: 's', type: 'STRING' },
              ],
            },
          } as never),
      );
      expect(error.message).toContain("Could not parse 'nope' as INT64 for field id");
    });
  });

  describe('scripts', () => {
    test('run statements with variables, loops, handlers and temp tables; their children are listed', async () => {
      const [job] = await bq.createQueryJob(`
        declare total int64 default 0;
        declare i int64;
        create temp table numbers (n int64);
        set i = 1;
        while i <= 3 do
          insert numbers values (i);
          set i = i + 1;
        end while;
        for r in (select n from numbers) do
          set total = total + r.n;
        end for;
        begin
          raise using message = 'caught';
        exception when error then
          set total = total + if(@@error.message = 'caught', 100, 0);
        end;
        if total = 106 then
          select total as total, (select count(*) from numbers) as n;
        else
          select -1 as total;
        end if;`);
      expect((await job.getQueryResults())[0]).toEqual([{ total: 106, n: 3 }]);
      const [metadata] = (await job.getMetadata()) as Json;
      expect(metadata.statistics.query.statementType).toBe('SCRIPT');
      const [children] = await bq.getJobs({ parentJobId: job.id } as never);
      expect(children).toHaveLength(Number(metadata.statistics.numChildJobs));
    });

    test('children of a script come in its order and say where each statement stands', async () => {
      const [job] = await bq.createQueryJob({ query: 'declare x int64 default 3;\nselect x;\n  select\n   x + 1' });
      await job.getQueryResults();
      const [children] = await bq.getJobs({ parentJobId: job.id } as never);
      const made = (children as Json[]).map(({ metadata: { statistics } }) => statistics).sort((a, b) => a.creationTime - b.creationTime);
      expect(made.map(({ scriptStatistics }) => scriptStatistics)).toEqual([
        { evaluationKind: 'STATEMENT', stackFrames: [{ startLine: 2, startColumn: 1, endLine: 2, endColumn: 9, text: 'select x' }] },
        {
          evaluationKind: 'STATEMENT',
          stackFrames: [{ startLine: 3, startColumn: 3, endLine: 4, endColumn: 9, text: 'select\n   x + 1' }],
        },
      ]);
    });

    test('children that run within one millisecond keep their order', async () => {
      const [job] = await bq.createQueryJob({ query: Array.from({ length: 60 }, (_, n) => `select ${n}`).join(';') });
      await job.getQueryResults();
      const [children] = await bq.getJobs({ parentJobId: job.id } as never);
      const made = (children as Json[])
        .map(({ metadata }) => metadata)
        .sort((a, b) => a.statistics.creationTime - b.statistics.creationTime);
      expect(new Set(made.map(({ statistics }) => statistics.creationTime)).size).toBe(60);
      expect(made.map(({ configuration }) => configuration.query.query)).toEqual(Array.from({ length: 60 }, (_, n) => `select ${n}`));
    });

    test('a transaction commits as a whole or rolls back as a whole', async () => {
      await rows('create table d.tx (a int64)');
      await rows('begin transaction; insert d.tx values (1); insert d.tx values (2); commit transaction;');
      expect(await rows('select count(*) as n from d.tx')).toEqual([{ n: 2 }]);
      await rows('begin transaction; delete d.tx where true; rollback transaction;');
      expect(await rows('select count(*) as n from d.tx')).toEqual([{ n: 2 }]);
      await failure(rows("begin transaction; delete d.tx where true; select error('stop'); commit transaction;"));
      expect(await rows('select count(*) as n from d.tx')).toEqual([{ n: 2 }]);
    });

    test('a handler rolls back the transaction that an error aborted, and may do nothing else with it before', async () => {
      await rows('create table d.aborted (a int64)');
      const failing = 'begin transaction; insert d.aborted values (1); select 1/0; commit transaction;';
      const [caught] = await rows(`begin declare said, text string; begin ${failing} exception when error then
        set (said, text) = (@@error.message, @@error.statement_text); rollback transaction; end;
        select said, text, (select count(*) from d.aborted) as n; end`);
      expect(caught).toEqual({ said: expect.stringContaining('division by zero'), text: 'select 1/0', n: 0 });
      for (const next of ['commit transaction', 'insert d.aborted values (2)']) {
        const refused = await failure(rows(`begin ${failing} exception when error then ${next}; end`));
        expect(refused.message).toContain('The transaction was aborted by an error in it');
      }
      expect(await rows('select count(*) as n from d.aborted')).toEqual([{ n: 0 }]);
    });

    test('execute immediate binds its values; @@row_count counts', async () => {
      expect(
        await rows(`
          declare x int64;
          create temp table t (a int64);
          insert t values (1), (2), (3);
          update t set a = a + 1 where a > 1;
          execute immediate 'select ? + @@row_count' into x using 40;
          select x;`),
      ).toEqual([{ x: 42 }]);
    });
  });

  test('a table partitioned by ranges in SQL shows them', async () => {
    await rows('create table d.ranged (n int64) partition by range_bucket(n, generate_array(0, 100, 10))');
    const [metadata] = await bq.dataset('d').table('ranged').getMetadata();
    expect(metadata.rangePartitioning).toEqual({ field: 'n', range: { start: '0', end: '100', interval: '10' } });
  });

  describe('INFORMATION_SCHEMA', () => {
    test('tells tables, columns, partitions and jobs', async () => {
      await rows(
        "create table d.info (id int64 not null options(description='key'), day date) partition by day options(description='about')",
      );
      await rows("insert d.info values (1, '2025-01-01'), (2, '2025-01-01'), (3, '2025-01-02')");
      expect(
        await rows(
          "select column_name, is_nullable, data_type, is_partitioning_column from d.INFORMATION_SCHEMA.COLUMNS where table_name = 'info' order by ordinal_position",
        ),
      ).toEqual([
        { column_name: 'id', is_nullable: 'NO', data_type: 'INT64', is_partitioning_column: 'NO' },
        { column_name: 'day', is_nullable: 'YES', data_type: 'DATE', is_partitioning_column: 'YES' },
      ]);
      expect(
        await rows("select partition_id, total_rows from d.INFORMATION_SCHEMA.PARTITIONS where table_name = 'info' order by 1"),
      ).toEqual([
        { partition_id: '20250101', total_rows: 2 },
        { partition_id: '20250102', total_rows: 1 },
      ]);
      for (let again = 0; again < 2; again++)
        expect(await rows("select table_type from d.INFORMATION_SCHEMA.TABLES where table_name = 'info'")).toEqual([
          { table_type: 'BASE TABLE' },
        ]);
      expect(await rows("select schema_name from `region-us`.INFORMATION_SCHEMA.SCHEMATA where schema_name = 'd'")).toEqual([
        { schema_name: 'd' },
      ]);
      expect(
        (await rows("select count(*) as n from `region-us`.INFORMATION_SCHEMA.JOBS where statement_type = 'INSERT'"))[0].n,
      ).toBeGreaterThan(0);
    });

    test('and its elder, __TABLES__, of a dataset', async () => {
      await rows('create schema elder');
      await rows('create table elder.two as select 1 as a union all select 2');
      await rows('create view elder.seen as select a from elder.two');
      const found = 'select table_id, row_count, size_bytes, type, timestamp_millis(creation_time) > "2025-01-01" as dated from';
      const expected = [
        { table_id: 'seen', row_count: 0, size_bytes: 0, type: 2, dated: true },
        { table_id: 'two', row_count: 2, size_bytes: 16, type: 1, dated: true },
      ];
      expect(await rows(`${found} elder.__TABLES__ order by 1`)).toEqual(expected);
      expect(await rows(`${found} \`${bq.projectId}.elder.__tables__\` order by 1`)).toEqual(expected);
      expect(await rows('select dataset_id, table_id from elder.__TABLES_SUMMARY__ where type = 1')).toEqual([
        { dataset_id: 'elder', table_id: 'two' },
      ]);
      await expect(rows('select * from nowhere.__TABLES__')).rejects.toThrow(/Not found: Dataset/);
    });
  });
});
