/**
 * gcp/cost/billing_cost over one large day: the whole pipeline with its staging, control totals and checks, beside the SQL of its two tables
 * as two statements on the same local-cloud. What the pipeline adds shows; what local-cloud's GoogleSQL costs over plain DuckDB does not.
 * A million rows need more than the 400 MB that local-cloud gives DuckDB: the second statement ends in `resourcesExceeded`.
 *
 *   npm run bench -- billing-cost       BENCH_ROWS=100000  BENCH_ROUNDS=3
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startWorld } from '../../apps/executor-service/src/testing/world.ts';
import { installBillingExport } from '../sample-data.ts';

const ROWS = Number(process.env.BENCH_ROWS ?? 100_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const DAY = '2025-11-05';
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
  const day = `usage_start_time >= TIMESTAMP('${DAY}') AND usage_start_time < TIMESTAMP(DATE_ADD('${DAY}', INTERVAL 1 DAY))`;
  const [there] = await world.query(`SELECT COUNT(*) AS n FROM gcp_billing_export WHERE ${day}`, 'convergence_samples');
  const times = Math.ceil(ROWS / Number(there?.n));
  await world.query(
    `INSERT INTO gcp_billing_export SELECT e.* FROM gcp_billing_export AS e, UNNEST(GENERATE_ARRAY(2, ${times})) AS n WHERE ${day}`,
    'convergence_samples',
  );
  const rows = times * Number(there?.n);
  await world.executor();

  const sql = readFileSync(join(root, 'configs/gcp/cost/billing_cost.sql'), 'utf8');
  const bare: number[] = [];
  const pipeline: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(
      await seconds(async () => {
        await world.query(
          `CREATE OR REPLACE TABLE gcp_raw_cost AS SELECT * FROM convergence_samples.gcp_billing_export WHERE ${day}`,
          'bare_corp',
        );
        const date = { date: { type: 'DATE', value: DAY } };
        await world.query(`CREATE OR REPLACE TABLE gcp_silver_cost AS ${sql}`, 'bare_corp', date);
      }),
    );
    pipeline.push(
      await seconds(async () => {
        const end = await world.end(await world.request('bench_corp', 'gcp/cost/billing_cost', { date: DAY }), 140_000);
        if (end.status !== 'COMPLETE') throw new Error(JSON.stringify(end.error));
      }),
    );
  }
  console.log(`${rows} rows of ${DAY}, medians of ${ROUNDS}`);
  console.log(`SQL alone        ${median(bare).toFixed(1)} s (${bare.map((s) => s.toFixed(1)).join(', ')})`);
  console.log(
    `pipeline         ${median(pipeline).toFixed(1)} s (${pipeline.map((s) => s.toFixed(1)).join(', ')})   ${(median(pipeline) / median(bare)).toFixed(2)} times the SQL alone`,
  );
  const steps = await world.query(
    'SELECT step_name, ROUND(AVG(duration_ms)) AS ms FROM x_meta_step_logs GROUP BY step_name ORDER BY MIN(start_time)',
    'bench_corp',
  );
  for (const step of steps) console.log(`  ${String(step.step_name).padEnd(15)}${step.ms} ms`);
} finally {
  await world.stop();
}
