/** Bad input of any kind: an error of Google's form, never a crash, never another project's data. */
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../started-process.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 60);

describe('hostile input', () => {
  let cloud: StartedProcess;
  let pid: number;
  const send = (path: string, init: RequestInit) => fetch(`${cloud.addresses.bigquery}${path}`, init);
  const query = async (sql: string, more: object = {}): Promise<{ status: number; body: Json }> => {
    const response = await send('/projects/p/queries', {
      method: 'POST',
      body: JSON.stringify({ query: sql, useLegacySql: false, timeoutMs: 5000, ...more }),
    });
    return { status: response.status, body: await response.json() };
  };
  const refused = async (response: Response, ...statuses: number[]): Promise<Json> => {
    expect(statuses).toContain(response.status);
    const { error } = (await response.json()) as Json;
    expect(error).toMatchObject({ code: response.status, message: expect.any(String), errors: [{ reason: expect.any(String) }] });
    return error;
  };

  beforeAll(async () => {
    cloud = await startProcess();
    pid = cloud.pid;
    await query('create schema d');
    await query("create table d.t as select 1 as a, 'x' as s");
    await send('/projects/other/datasets', { method: 'POST', body: '{"datasetReference":{"datasetId":"d"}}' });
    await query("create table `other.d.secret` as select 'THE SECRET' as s");
  });
  afterAll(async () => {
    expect(cloud.pid).toBe(pid);
    expect((await query('select count(*) from d.t')).status).toBe(200);
    await cloud.dispose();
  });

  test('bodies that are no JSON object, truncated gzip, wrong encodings', async () => {
    for (const body of ['', '{', '[]', 'null', '"x"', '{"query": }', '\u0000', '{"a":1}}']) {
      await refused(await send('/projects/p/queries', { method: 'POST', body }), 400);
    }
    const zipped = gzipSync('{"query":"select 1","useLegacySql":false}');
    expect((await send('/projects/p/queries', { method: 'POST', body: zipped, headers: { 'content-encoding': 'gzip' } })).status).toBe(200);
    await refused(
      await send('/projects/p/queries', { method: 'POST', body: zipped.subarray(0, 20), headers: { 'content-encoding': 'gzip' } }),
      400,
    );
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    await refused(await send('/projects/p/queries', { method: 'POST', body: bomb, headers: { 'content-encoding': 'gzip' } }), 400, 413);
  });

  test('a request of 11 MB is too large', async () => {
    await refused(
      await send('/projects/p/queries', { method: 'POST', body: JSON.stringify({ query: `select '${'x'.repeat(11 * 1024 * 1024)}'` }) }),
      413,
    );
  });

  test('fields of the wrong type', async () => {
    const wrong = [null, 1, true, [], {}, '', [null], { a: [] }, -1, 0.5];
    const bodies = wrong.flatMap((value) => [
      { query: value },
      { query: 'select 1', useLegacySql: false, queryParameters: value },
      { query: 'select 1', useLegacySql: false, queryParameters: [value] },
      { query: 'select 1', useLegacySql: false, queryParameters: [{ name: 'a', parameterType: value, parameterValue: value }] },
      { query: 'select 1', useLegacySql: false, maxResults: value },
      { query: 'select 1', useLegacySql: false, timeoutMs: value },
      { query: 'select 1', useLegacySql: false, defaultDataset: value, labels: value },
    ]);
    for (const body of bodies) {
      const response = await send('/projects/p/queries', { method: 'POST', body: JSON.stringify(body) });
      if (response.status !== 200) await refused(response, 400, 404);
    }
    for (const path of [
      '/projects/p/datasets',
      '/projects/p/datasets/d/tables',
      '/projects/p/jobs',
      '/projects/p/datasets/d/tables/t/insertAll',
      '/projects/p/datasets/d/routines',
    ]) {
      for (const value of wrong) {
        for (const body of [
          value,
          { datasetReference: value },
          { tableReference: value, schema: value },
          { tableReference: { tableId: 'q' }, schema: { fields: value } },
          { configuration: value },
          { configuration: { query: value } },
          { configuration: { load: value } },
          { configuration: { copy: value } },
          { rows: value },
          { rows: [value] },
          { rows: [{ json: value }] },
          { routineReference: { routineId: 'r' }, definitionBody: 'x', arguments: value },
        ]) {
          const response = await send(path, { method: 'POST', body: JSON.stringify(body) ?? '' });
          expect({
            path,
            body,
            status: response.status === 500 ? 500 : 0,
            stderr: response.status === 500 ? cloud.stderr().slice(-600) : '',
          }).toEqual({ path, body, status: 0, stderr: '' });
          await response.arrayBuffer();
        }
      }
    }
    expect(cloud.stderr()).not.toContain('failed TypeError');
  });

  test('hostile identifiers stay names', async () => {
    const names = [
      'x"; drop table t1; --',
      '../../etc/passwd',
      'a`b',
      "a'b",
      'local_catalog',
      't1',
      '\u0000',
      'ａ',
      'x'.repeat(2000),
      '%00',
      '__proto__',
      'constructor',
    ];
    for (const name of names) {
      for (const path of [
        `/projects/p/datasets/${encodeURIComponent(name)}`,
        `/projects/p/datasets/d/tables/${encodeURIComponent(name)}`,
        `/projects/p/jobs/${encodeURIComponent(name)}`,
        `/projects/${encodeURIComponent(name)}/datasets/d`,
      ]) {
        const response = await send(path, { method: 'GET' });
        expect([400, 404]).toContain(response.status);
      }
      const { status, body } = await query(`select * from \`d.${name.replaceAll('`', '')}\``);
      expect(status === 400 || status === 404).toBe(true);
      expect(JSON.stringify(body)).not.toContain('THE SECRET');
      await send('/projects/p/datasets/d/tables', {
        method: 'POST',
        body: JSON.stringify({ tableReference: { tableId: 'hostile' }, schema: { fields: [{ name, type: 'STRING' }] } }),
      });
      await send('/projects/p/datasets/d/tables/hostile', { method: 'DELETE' });
    }
    expect((await send('/projects/p/%zz', { method: 'GET' })).status).toBeGreaterThanOrEqual(400);
  });

  test('what belongs to DuckDB is not there for GoogleSQL', async () => {
    for (const sql of [
      "select * from read_csv('/etc/passwd')",
      "select * from '/etc/passwd'",
      'select * from duckdb_settings()',
      'select * from local_catalog',
      'select * from t1',
      "copy d.t to '/tmp/x'",
      "attach '/tmp/x.db'",
      'install httpfs',
      'pragma version',
      'set threads = 1',
      "select getenv('HOME')",
      'select * from information_schema.tables',
      'call pragma_version()',
    ]) {
      const { status, body } = await query(sql);
      expect({ sql, refused: status === 400 || status === 404 }).toEqual({ sql, refused: true });
      expect(JSON.stringify(body)).not.toContain('root:');
    }
  });

  test('deep nesting ends in an error', async () => {
    for (const sql of [
      `select ${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
      `select ${'['.repeat(5000)}`,
      `select ${'-'.repeat(30_000)} 1`,
      `select ${'not '.repeat(30_000)} true`,
      `select 1 ${'+ 1 '.repeat(30_000)}`,
      `${'begin '.repeat(3000)}`,
      `select * from ${'(select * from '.repeat(2000)}d.t${')'.repeat(2000)}`,
    ]) {
      const { status, body } = await query(sql);
      if (status !== 200) expect(body.error.errors[0].reason).toBeTruthy();
    }
    let type: Json = { type: 'INT64' };
    for (let i = 0; i < 400; i++) type = { type: 'STRUCT', structTypes: [{ name: 'a', type }] };
    expect((await query('select @x', { queryParameters: [{ name: 'x', parameterType: type, parameterValue: {} }] })).status).toBe(400);
    let value: Json = 1;
    for (let i = 0; i < 900; i++) value = [value];
    await send('/projects/p/datasets/d/tables/t/insertAll', { method: 'POST', body: JSON.stringify({ rows: [{ json: { a: value } }] }) });
  });

  test('connections that break off, and bytes that are no HTTP', async () => {
    const { hostname, port } = new URL(cloud.addresses.bigquery);
    for (const bytes of [
      'GET /projects/p/datasets HTTP/1.1\r\nHost: x\r\n',
      'POST /projects/p/queries HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"query"',
      '\x16\x03\x01\x02\x00',
      'GET / HTTP/9.9\r\n\r\n',
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(bytes);
          setTimeout(() => {
            socket.destroy();
            resolve();
          }, 50);
        });
        socket.on('error', () => resolve());
      });
    }
  });

  test(
    `SQL mutated for ${SECONDS} s never gets anything but an answer`,
    async () => {
      const seeds = [
        "select a, s, count(*) over (partition by a order by s) from d.t where s like '%x' and a in (1, 2) group by 1, 2 having count(*) > 0 order by 1 limit 10",
        'with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select array_agg(n order by n desc), struct(sum(n) as x) from r',
        "merge d.t t using (select 2 as a, 'y' as s) u on t.a = u.a when matched then update set s = u.s when not matched then insert (a, s) values (u.a, u.s)",
        "select timestamp_trunc(timestamp '2025-01-01 10:00:00+00', day), format('%d %s', 1, 'x'), json_value(json '{\"a\": [1]}', '$.a[0]'), safe_cast('1' as int64), date_add(date '2025-01-01', interval 1 month)",
        "begin declare x int64 default 1; while x < 3 do set x = x + 1; end while; if x = 3 then select x; else raise using message = 'no'; end if; end",
        "create or replace table d.f (a int64 not null, b array<struct<x string>>) partition by range_bucket(a, generate_array(0, 10, 1)) options (description = 'd')",
        'select * except (a), t.* replace (1 as a) from d.t as t, unnest([1, 2]) as u with offset o left join d.t as z using (a) qualify row_number() over () = 1',
      ];
      const pieces = [
        '(',
        ')',
        ',',
        "'",
        '"',
        '`',
        ';',
        '--',
        '/*',
        '*/',
        '@x',
        '@@row_count',
        '?',
        'null',
        'select',
        'from',
        'unnest',
        'struct<',
        '>',
        '[',
        ']',
        '1e400',
        '9223372036854775808',
        '\\x',
        '\u0000',
        '$',
        '{}',
        '.',
        '*',
        'cast(',
        ' as ',
        'over (',
        'interval',
        '||',
        '<<',
        'r"',
        "b'''",
      ];
      let state = 12345;
      const random = (n: number) => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return state % n;
      };
      const until = Date.now() + SECONDS * 1000;
      let tried = 0;
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          while (Date.now() < until) {
            let sql = seeds[random(seeds.length)]!;
            for (let i = 1 + random(4); i > 0; i--) {
              const at = random(sql.length);
              const kind = random(4);
              if (kind === 0) sql = sql.slice(0, at) + sql.slice(at + 1 + random(12));
              else if (kind === 1) sql = `${sql.slice(0, at)} ${pieces[random(pieces.length)]} ${sql.slice(at)}`;
              else if (kind === 2) sql = sql.slice(0, at) + sql.slice(random(sql.length));
              else {
                const other = seeds[random(seeds.length)]!;
                sql = sql.slice(0, at) + other.slice(random(other.length));
              }
            }
            const { status, body } = await query(sql);
            tried++;
            expect([200, 400, 403, 404, 409, 501]).toContain(status);
            expect(JSON.stringify(body)).not.toContain('THE SECRET');
            if (status !== 200) expect(body.error.errors[0].reason).toBeTruthy();
          }
        }),
      );
      expect(tried).toBeGreaterThan(50);
    },
    (SECONDS + 30) * 1000,
  );
});
