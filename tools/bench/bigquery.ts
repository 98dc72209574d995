/**
 * BigQuery of local-cloud as a process of its own, beside DuckDB called directly in this process on a table of the same rows, and
 * beside a bare HTTP server for the client's own part; streamed rows are benched in storage-write.ts. Medians; latencies include HTTP
 * and the client.
 *
 *   npm run bench -- bigquery [statements] [large] [client] [memory] [datasets] [file]
 *   BENCH_ROUNDS=5 (median)  BENCH_ROWS=10000000  BENCH_DATASETS=10000  BENCH_STATEMENTS=100000  BENCH_FILE_MB=1024
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { largeFile, manyDatasets, noGrowth } from './load/bigquery-scale.ts';
import { startCanned } from './load/canned-http.ts';
import { cpuSeconds, median, memoryMb, type RunningCloud, runCloud } from './load/process-watch.ts';

const require = createRequire(new URL('../../apps/local-cloud/package.json', import.meta.url));
const duckdb = require('@duckdb/node-api') as typeof import('@duckdb/node-api');
const { BigQuery } = createRequire(import.meta.url)('@google-cloud/bigquery') as typeof import('@google-cloud/bigquery');

process.env.METADATA_SERVER_DETECTION = 'none';
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const ROWS = Number(process.env.BENCH_ROWS ?? 10_000_000);
const DATASETS = Number(process.env.BENCH_DATASETS ?? 10_000);
const STATEMENTS = Number(process.env.BENCH_STATEMENTS ?? 100_000);
const FILE_MB = Number(process.env.BENCH_FILE_MB ?? 1024);
const PROJECT = 'convergence-local';
// biome-ignore lint/suspicious/noExplicitAny: answers of the API
type Json = any;

const sections = process.argv.slice(2);
const wanted = (section: string): boolean => sections.length === 0 || sections.includes(section);

const dir = mkdtempSync(join(tmpdir(), 'bench-bigquery-'));
let cloud: RunningCloud | undefined;
let endpoint = '';
process.once('exit', () => void cloud?.end('SIGKILL'));

async function start(): Promise<number> {
  const began = performance.now();
  cloud = await runCloud(dir);
  endpoint = cloud.addresses.bigquery;
  return performance.now() - began;
}
async function restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<string> {
  await cloud!.end(signal);
  const took = await start();
  return `${took.toFixed(0)} ms, ${(cpuSeconds(cloud!.pid) * 1000).toFixed(0)} of processor`;
}
const resident = () => memoryMb(cloud!.pid).resident;
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${cloud!.pid}/status`, 'utf8'))![1]) / 1024;
async function timed(rounds: number, work: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    await work(round);
    times.push(performance.now() - began);
  }
  return median(times);
}
const report = (what: string, value: string, goal = '') =>
  console.log(`${what.padEnd(66)} ${value.padStart(16)}${goal ? `   ${goal}` : ''}`);
const ms = (value: number) => `${value.toFixed(2)} ms`;

async function post(path: string, body: unknown): Promise<Json> {
  const response = await fetch(`${endpoint}/projects/${PROJECT}${path}`, { method: 'POST', body: JSON.stringify(body) });
  const answer: Json = await response.json();
  if (answer.error) throw new Error(answer.error.message);
  return answer;
}
const query = (sql: string, more: object = {}) =>
  post('/queries?prettyPrint=false', {
    query: sql,
    useLegacySql: false,
    useQueryCache: false,
    timeoutMs: 120_000,
    formatOptions: { useInt64Timestamp: true },
    ...more,
  });

report('start, empty', ms(await start()));
const direct = await (await duckdb.DuckDBInstance.create(join(dir, 'direct.duckdb'), { threads: '2', memory_limit: '400MB' })).connect();
await query('create schema b');

// The same rows on both sides, and in the same order: it decides how much of a table a search by key reads, how well its columns are packed, and
// how groups meet the processor's caches.
await query(
  "create table b.million as select x as id, concat('name', cast(x as string)) as name, x * 1.5 as v, timestamp_micros(x) as seen from unnest(generate_array(0, 999)) a, unnest(generate_array(a * 1000, a * 1000 + 999)) x order by id",
);
await direct.run(
  "create table million as select i::bigint id, 'name' || i as name, i * 1.5::double v, make_timestamp(i)::timestamptz seen from range(1000000) r(i)",
);

const id = (i: number) => ({
  parameterMode: 'NAMED',
  queryParameters: [{ name: 'id', parameterType: { type: 'INT64' }, parameterValue: { value: String(i) } }],
});

/** A statement is warm when two rounds of so many took no less, in their medians, than the best one before, but for this share. */
const WARM = { cold: 50, atATime: 500, share: 0.05, most: 12 };
/** One cached statement over REST beside DuckDB's own: of the first ones, and when the server is warm. */
async function beside(what: string, directly: (i: number) => Promise<unknown>, through: (i: number) => Promise<unknown>): Promise<void> {
  const own = await timed(200, directly);
  await through(0);
  const cold = await timed(WARM.cold, through);
  const medians: number[] = [];
  const steady = () => medians.length > 2 && Math.min(...medians.slice(-2)) > Math.min(...medians.slice(0, -2)) * (1 - WARM.share);
  while (medians.length < WARM.most && !steady()) medians.push(await timed(WARM.atATime, through));
  const warm = await timed(200, through);
  report(`cached single-row ${what} over DuckDB`, `${ms(warm)} - ${ms(own)}`, `+${ms(warm - own)}, goal under +2 ms`);
  const rounds = medians.map((median) => median.toFixed(2)).join(', ');
  report(`  its first ${WARM.cold}`, ms(cold), `+${ms(cold - own)}`);
  report('  warm-up', `${medians.length} x ${WARM.atATime}`, `${rounds} ms: ${steady() ? 'steady' : 'not steady yet'}`);
}
if (wanted('statements')) {
  const prepared = await direct.prepare('select id, name from million where id = $1');
  await beside(
    'SELECT',
    async (i) => {
      prepared.bindBigInt(1, BigInt(i * 31));
      await prepared.runAndReadAll();
    },
    (i) => query('select id, name from b.million where id = @id', id(i * 31)),
  );
  const update = await direct.prepare('update million set v = $2 where id = $1');
  await beside(
    'UPDATE',
    async (i) => {
      update.bindBigInt(1, BigInt(i * 31));
      update.bindDouble(2, i);
      await update.run();
    },
    (i) => query('update b.million set v = 1.5 where id = @id', id(i * 31)),
  );

  const merge = await timed(ROUNDS, (round) =>
    query(
      'merge b.million t using unnest(@rows) s on t.id = s.id when matched then update set name = s.name, v = s.v when not matched then insert (id, name, v) values (s.id, s.name, s.v)',
      {
        parameterMode: 'NAMED',
        queryParameters: [
          {
            name: 'rows',
            parameterType: {
              type: 'ARRAY',
              arrayType: {
                type: 'STRUCT',
                structTypes: [
                  ['id', 'INT64'],
                  ['name', 'STRING'],
                  ['v', 'FLOAT64'],
                ].map(([name, type]) => ({ name, type: { type } })),
              },
            },
            parameterValue: {
              arrayValues: Array.from({ length: 5000 }, (_, i) => ({
                structValues: { id: { value: String(i * 201 + round) }, name: { value: `m${i}` }, v: { value: String(i) } },
              })),
            },
          },
        ],
      },
    ),
  );
  report('MERGE of 5 000 rows from one parameter into 1 000 000', ms(merge), 'goal under 300 ms');
}

if (wanted('large')) {
  await query(
    `create table b.big as select x as id, mod(x, 1000) as k, x * 0.5 as v from unnest(generate_array(0, ${ROWS / 1000 - 1})) a, unnest(generate_array(a * 1000, a * 1000 + 999)) x order by id`,
  );
  await direct.run(`create table big as select i::bigint id, i % 1000 as k, i * 0.5::double v from range(${ROWS}) r(i)`);
  // Turn and turn about, so that whatever else the machine does meets both.
  const aggregateDirectly = () => direct.runAndReadAll('select k, count(*) c, sum(v) s, max(id) m from big group by k order by k limit 10');
  const times = { direct: [] as number[], through: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    times.direct.push(await timed(1, aggregateDirectly));
    times.through.push(
      await timed(1, () => query('select k, count(*) as c, sum(v) as s, max(id) as m from b.big group by k order by k limit 10')),
    );
  }
  const [directAggregate, aggregate] = [median(times.direct), median(times.through)];
  report(
    `aggregation of ${ROWS.toLocaleString('en')} rows`,
    ms(aggregate),
    `DuckDB ${ms(directAggregate)}, ratio ${(aggregate / directAggregate).toFixed(2)}, goal 1.3`,
  );
}

/** Eight at a time; answers a second, and milliseconds of processor time of one query: this process, the client, and the server's. */
async function throughput(apiEndpoint: string, pid: number, queries: number): Promise<{ rate: number; client: number; server: number }> {
  const client = new BigQuery({ projectId: PROJECT, apiEndpoint, defaultJobCreationMode: 'JOB_CREATION_OPTIONAL' } as never);
  const ask = (i: number) =>
    client.query({ query: 'select id, name from b.million where id = @id', params: { id: i }, useQueryCache: false } as never);
  const run = async (count: number) => {
    let sent = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (sent < count) await ask(sent++);
      }),
    );
  };
  await run(500);
  const server = cpuSeconds(pid);
  const own = process.cpuUsage();
  const began = performance.now();
  await run(queries);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(own);
  return {
    rate: queries / seconds,
    client: (user + system) / 1000 / queries,
    server: ((cpuSeconds(pid) - server) * 1000) / queries,
  };
}
if (wanted('client')) {
  const answered = await query('select id, name from b.million where id = @id', { ...id(7), jobCreationMode: 'JOB_CREATION_OPTIONAL' });
  const canned = await startCanned(JSON.stringify(answered));
  const bare = await throughput(canned.origin, canned.pid, 4000);
  canned.close();
  const real = await throughput(endpoint, cloud!.pid, 4000);
  report('jobs.query by the real client, 8 at a time', `${Math.round(real.rate)} /s`, 'goal 300 /s');
  report(
    '  the same client and a server that answers with the same bytes',
    `${Math.round(bare.rate)} /s`,
    `ratio ${(real.rate / bare.rate).toFixed(2)}`,
  );
  report(
    '  processor time of a query: local-cloud, client',
    `${ms(real.server)}, ${ms(real.client)}`,
    `bare: ${ms(bare.server)}, ${ms(bare.client)}`,
  );
}

const scale = { dataDir: dir, query, post, id, timed, report, resident, peak, restart };
if (wanted('memory')) await noGrowth(scale, STATEMENTS);
if (wanted('datasets')) await manyDatasets(scale, DATASETS);
if (wanted('file')) await largeFile(scale, FILE_MB);
await cloud!.end('SIGTERM');
rmSync(dir, { recursive: true, force: true });
process.exit(0);
