/**
 * Lists of runs with a million runs in the table: first pages, filtered ones, old ones and every page of a long walk, through the gateway.
 * Beside them the same rows by SQL on local-cloud, which is what a page outside of the executor's memory can't be faster than. Each sample asks
 * for another length, so that none is answered from local-cloud's cache. Nothing is warmed up: the executor has just started.
 *
 *   npm run bench -- lists       BENCH_RUNS=1000000  BENCH_TENANTS=50
 */
import { startSystem, until } from '../../e2e/system.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 1_000_000);
const TENANTS = Number(process.env.BENCH_TENANTS ?? 50);
const ROUNDS = 40;
const DAYS = 90;

const percentile = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ?? Number.NaN;

const system = await startSystem({ RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'warn' });
try {
  const body = { tenant_id: 'bench_7', company_name: 'Bench', admin_email: 'bench@example.com', run_dryrun: false };
  const { status, body: onboarded } = await system.request('POST', '/tenants/onboard', { body });
  if (status !== 200) throw new Error(`onboarding answered ${status}`);
  const key = onboarded.api_key as string;

  await system.query(`INSERT INTO tenants.x_meta_pipeline_runs (pipeline_logging_id, pipeline_id, tenant_id, provider, domain, template, status, trigger_type,
  start_time, started_at, end_time, parameters_hash, x_sequence)
SELECT GENERATE_UUID(), CONCAT('bench_', CAST(MOD(n, ${TENANTS}) AS STRING), '-gcp-cost-', p), CONCAT('bench_', CAST(MOD(n, ${TENANTS}) AS STRING)), 'gcp', 'cost', p,
  IF(MOD(n, 1009) = 0, 'FAILED', 'COMPLETE'), 'scheduler', admitted, admitted, TIMESTAMP_ADD(admitted, INTERVAL 5 SECOND), 'x', 1
FROM (SELECT n, IF(MOD(n, 3) = 0, 'dryrun', 'billing_cost') AS p, TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL CAST(n * ${(DAYS * 86_400_000) / RUNS} AS INT64) + 1 MILLISECOND) AS admitted
  FROM UNNEST(GENERATE_ARRAY(1, ${RUNS})) AS n)`);
  // What was written behind its back the executor sees when it starts.
  const before = (await system.pids())['executor-service'] as number;
  process.kill(before, 'SIGTERM');
  const first = () => system.request('GET', '/pipelines/runs?limit=1', { key });
  await until(
    async () => (await system.pids())['executor-service'] !== before && (await first()).body?.items?.length === 1,
    60_000,
    () => 'the executor did not come back',
  );
  const [row] = await system.query('SELECT COUNT(*) AS n FROM tenants.x_meta_pipeline_runs');
  console.log(`${row?.n} runs of ${TENANTS} tenants over ${DAYS} days`);

  async function time(what: string, ask: (round: number) => Promise<number>): Promise<void> {
    const took: number[] = [];
    let rows = 0;
    for (let n = 0; n < ROUNDS; n++) {
      const at = performance.now();
      rows = await ask(n);
      took.push(performance.now() - at);
    }
    console.log(
      `${what.padEnd(52)} ${String(rows).padStart(4)} rows   p50 ${percentile(took, 0.5).toFixed(1)} ms, p95 ${percentile(took, 0.95).toFixed(1)} ms`,
    );
  }
  const list =
    (limit: number, query = '', as: { key?: string; admin?: boolean } = { key }) =>
    async (round: number) => {
      const { status: code, body: page } = await system.request('GET', `/pipelines/runs?limit=${limit - round}${query}`, as);
      if (code !== 200) throw new Error(`${query} answered ${code}: ${JSON.stringify(page)}`);
      return page.items.length as number;
    };
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();

  await time('first page', list(90));
  await time('first page of all tenants, as admin', list(90, '', { admin: true }));
  await time('500 newest', list(500));
  await time('one pipeline', list(90, '&pipeline_id=bench_7-gcp-cost-dryrun'));
  await time('failed ones, rare', list(90, '&status=FAILED'));
  await time('a day two months ago', list(90, `&from=${day(61)}&to=${day(60)}`));
  await time('before a day two months ago', list(90, `&to=${day(60)}`));
  await time('nothing fits', list(90, '&status=CANCELLED'));
  let cursor: string | null = null;
  const walk = async () => {
    const { body: page } = await system.request('GET', `/pipelines/runs?limit=500${cursor ? `&cursor=${cursor}` : ''}`, { key });
    cursor = page.next_cursor;
    return page.items.length as number;
  };
  await time('walk: 500 a page, into what is not in memory', walk);
  await time('the same by SQL alone, as a floor', async (round) => {
    const rows = await system.query(
      `SELECT * FROM tenants.x_meta_pipeline_runs WHERE tenant_id = 'bench_7' AND start_time <= '${day(5)}' ORDER BY start_time DESC, pipeline_logging_id DESC LIMIT ${501 - round}`,
    );
    return rows.length;
  });
} finally {
  await system.stop();
}
