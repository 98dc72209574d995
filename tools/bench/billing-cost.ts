/**
 * gcp/cost/billing_cost over one large day: the whole pipeline with its staging, control totals and checks, beside the SQL of its two tables
 * for DuckDB alone (a copy of the day and billing-cost.duckdb.sql), over a file with the same rows, in this process, with the threads, the
 * memory, the format of file and the freedom of order that local-cloud has, and beside the same two as statements on local-cloud. The
 * first round is in the medians. The first writing of a table, and each over the same day, is one that exchanges rows (decision 32).
 *
 *   npm run bench -- billing-cost       BENCH_ROWS=100000  BENCH_ROUNDS=3
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startWorld } from '../../apps/executor-service/src/testing/world.ts';
import { installBillingExport } from '../sample-data.ts';

const ROWS = Number(process.env.BENCH_ROWS ?? 100_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const DAY = '2025-11-05';
const day = `usage_start_time >= TIMESTAMP('${DAY}') AND usage_start_time < TIMESTAMP(DATE_ADD('${DAY}', INTERVAL 1 DAY))`;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const at = performance.now();
  await work();
  return (performance.now() - at) / 1000;
};

process.env.METADATA_SERVER_DETECTION = 'none';
const world = await startWorld();
try {
  await world.tenant('bench_corp');
  await world.tenant('bare_corp');
  await installBillingExport(world.warehouse, ['2025-11'], 'US', 200);
  const [there] = await world.query(`SELECT COUNT(*) AS n FROM gcp_billing_export WHERE ${day}`, 'convergence_samples');
  const times = Math.ceil(ROWS / Number(there?.n));
  await world.query(
    `INSERT INTO gcp_billing_export SELECT e.* FROM gcp_billing_export AS e, UNNEST(GENERATE_ARRAY(2, ${times})) AS n WHERE ${day}`,
    'convergence_samples',
  );
  const rows = times * Number(there?.n);
  await world.executor();

  const direct = await bareDuckDb();
  const sql = readFileSync(join(root, 'configs/gcp/cost/billing_cost.sql'), 'utf8');
  const copied = { bare: [] as number[], duckdb: [] as number[] };
  const normalised = { bare: [] as number[], duckdb: [] as number[] };
  const pipeline: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    copied.bare.push(
      await seconds(() =>
        world.query(
          `CREATE OR REPLACE TABLE gcp_raw_cost AS SELECT * FROM convergence_samples.gcp_billing_export WHERE ${day}`,
          'bare_corp',
        ),
      ),
    );
    const date = { date: { type: 'DATE', value: DAY } };
    normalised.bare.push(await seconds(() => world.query(`CREATE OR REPLACE TABLE gcp_silver_cost AS ${sql}`, 'bare_corp', date)));
    copied.duckdb.push(await seconds(direct.copy));
    normalised.duckdb.push(await seconds(direct.normalise));
    if (round === 0) assert.deepEqual(await direct.totals(), await totals('bare_corp'));
    pipeline.push(await seconds(() => run(DAY)));
  }
  assert.deepEqual(await totals('bench_corp'), await direct.totals());
  const steps = await world.query(
    'SELECT step_name, ROUND(AVG(duration_ms)) AS ms FROM x_meta_step_logs GROUP BY step_name ORDER BY MIN(start_time)',
    'bench_corp',
  );
  const beside: number[] = [];
  for (const date of ['2025-11-03', '2025-11-04']) await run(date);
  for (let round = 0; round < ROUNDS; round++) beside.push(await seconds(() => run(DAY)));
  console.log(`${rows} rows of ${DAY}, medians of ${ROUNDS}`);
  const both = (of: 'bare' | 'duckdb') => copied[of].map((s, round) => s + (normalised[of][round] ?? Number.NaN));
  const line = (what: string, times: readonly number[]) =>
    console.log(`${what.padEnd(17)}${median(times).toFixed(1)} s (${times.map((s) => s.toFixed(1)).join(', ')})`);
  line('DuckDB alone', both('duckdb'));
  line('  a copy', copied.duckdb);
  line('  in FOCUS', normalised.duckdb);
  line('the same SQL', both('bare'));
  line('  a copy', copied.bare);
  line('  in FOCUS', normalised.bare);
  line('pipeline', pipeline);
  line('  beside days', beside);
  console.log(`SQL alone        ${(median(both('bare')) / median(both('duckdb'))).toFixed(2)} times DuckDB`);
  console.log(
    `pipeline         ${(median(pipeline) / median(both('duckdb'))).toFixed(2)} times DuckDB, goal 2; ${(median(beside) / median(both('duckdb'))).toFixed(2)} where its tables have other days`,
  );
  console.log(`local-cloud      ${memory()} MB resident at its highest`);
  for (const step of steps) console.log(`  ${String(step.step_name).padEnd(15)}${step.ms} ms`);
  direct.close();
} finally {
  await world.stop();
}

async function run(date: string): Promise<void> {
  const end = await world.end(await world.request('bench_corp', 'gcp/cost/billing_cost', { date }), 140_000);
  if (end.status !== 'COMPLETE') throw new Error(JSON.stringify(end.error));
}

async function totals(dataset: string): Promise<unknown> {
  const sums = 'SUM(billed_cost) AS billed, SUM(list_cost) AS listed, SUM(LENGTH(x_labels)) AS labels';
  const [row] = await world.query(
    `SELECT COUNT(*) AS n, ${sums}, SUM(UNIX_SECONDS(billing_period_end)) AS ends FROM gcp_silver_cost`,
    dataset,
  );
  return Object.values(row ?? {}).map(Number);
}

/** The day's rows, taken out of local-cloud as Parquet. */
async function bareDuckDb() {
  const require = createRequire(new URL('../../apps/local-cloud/package.json', import.meta.url));
  const { DuckDBInstance } = require('@duckdb/node-api') as typeof import('@duckdb/node-api');
  const dir = mkdtempSync(join(tmpdir(), 'bench-billing-'));
  const instance = await DuckDBInstance.create(join(dir, 'bare.duckdb'), {
    memory_limit: '1GB',
    threads: '2',
    temp_directory: join(dir, 'spill'),
    default_block_size: '32768',
    preserve_insertion_order: 'false',
    checkpoint_threshold: '32MB',
    storage_compatibility_version: 'v1.5.0',
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  await world.query(`CREATE OR REPLACE TABLE day AS SELECT * FROM convergence_samples.gcp_billing_export WHERE ${day}`, 'bare_corp');
  const parquet = await exported('bare_corp', 'day');
  await connection.run(`CREATE TABLE day AS FROM read_parquet('${parquet}')`);
  await connection.run('CHECKPOINT');
  const sql = readFileSync(new URL('billing-cost.duckdb.sql', import.meta.url), 'utf8').replaceAll('$date', `DATE '${DAY}'`);
  return {
    copy: () =>
      connection.run(`CREATE OR REPLACE TABLE gcp_raw_cost AS FROM day WHERE CAST(usage_start_time AT TIME ZONE 'UTC' AS DATE) = '${DAY}'`),
    normalise: () => connection.run(`CREATE OR REPLACE TABLE gcp_silver_cost AS ${sql}`),
    totals: async () => {
      const result = await connection.run(
        'SELECT count(*), sum(billed_cost), sum(list_cost), sum(length(x_labels)), sum(epoch(billing_period_end)) FROM gcp_silver_cost',
      );
      return Object.values((await result.getRowObjectsJson())[0] ?? {}).map(Number);
    },
    close: () => {
      instance.closeSync();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function exported(dataset: string, table: string): Promise<string> {
  const jobs = `${world.cloud.env.BIGQUERY_EMULATOR_HOST}/projects/convergence-local/jobs`;
  const sourceTable = { projectId: 'convergence-local', datasetId: dataset, tableId: table };
  const extract = { sourceTable, destinationUris: ['gs://bench/day.parquet'], destinationFormat: 'PARQUET' };
  const body = JSON.stringify({ jobReference: { projectId: 'convergence-local', jobId: 'bench_extract' }, configuration: { extract } });
  await fetch(jobs, { method: 'POST', body });
  for (;;) {
    const { status } = (await (await fetch(`${jobs}/bench_extract`)).json()) as { status: { state: string; errorResult?: object } };
    if (status.errorResult) throw new Error(JSON.stringify(status.errorResult));
    if (status.state === 'DONE') return join(world.cloud.dataDir, 'gs/bench/day.parquet');
  }
}

function memory(): number {
  const pid = / pid=(\d+)/.exec(world.cloud.output())?.[1];
  return Math.round(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000);
}
