/**
 * Runs through the whole system, as `npm start` starts it: POST -> admitted -> executed with one step and its log -> completed and
 * released. It says whether the peers' stores (Redis for BullMQ, Postgres for graphile-worker) are on the machine; the peers themselves
 * are not measured.
 *
 *   npm run bench -- runs        BENCH_RUNS=3000  BENCH_RATE=200 (POSTs a second)  BENCH_TENANTS=50
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { startSystem } from '../../e2e/system.ts';

const RUNS = Number(process.env.BENCH_RUNS ?? 3000);
const RATE = Number(process.env.BENCH_RATE ?? 200);
const TENANTS = Number(process.env.BENCH_TENANTS ?? 50);
const WARM = 10;

const LIMITS = ['max_pipelines_per_day', 'max_pipelines_per_month', 'max_concurrent_pipelines'];

const percentile = (values: readonly number[], p: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))] ?? Number.NaN;
const residentMb = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
/** Milliseconds of processor time that a process has used. */
const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};
interface Counted {
  readonly entries: readonly { readonly product: string; readonly measures: Readonly<Record<string, number>> }[];
}
/** What local-cloud counted, by product. */
function totals({ entries }: Counted): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const products = new Map<string, Map<string, number>>();
  for (const { product, measures } of entries) {
    const sums = products.get(product) ?? new Map<string, number>();
    products.set(product, sums);
    for (const [name, n] of Object.entries(measures)) sums.set(name, (sums.get(name) ?? 0) + n);
  }
  return products;
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const system = await startSystem({ RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'warn' });
try {
  const keys: string[] = [];
  for (let n = 0; n < TENANTS; n++) {
    const body = {
      tenant_id: `bench_${n}`,
      company_name: 'Bench',
      admin_email: 'bench@example.com',
      subscription_plan: 'SCALE',
      run_dryrun: false,
    };
    const { status, body: answer } = await system.request('POST', '/tenants/onboard', { body });
    if (status !== 200) throw new Error(`onboarding answered ${status}: ${JSON.stringify(answer)}`);
    keys.push(answer.api_key);
    const limits = Object.fromEntries(LIMITS.map((name) => [name, 100_000]));
    const changed = await system.request('PATCH', `/tenants/bench_${n}/subscription`, { admin: true, body: limits });
    if (changed.status !== 200) throw new Error(`the subscription answered ${changed.status}: ${JSON.stringify(changed.body)}`);
  }

  // Who comes first pays for loading code, opening streams and fetching contexts: some runs of each tenant go before what is measured.
  for (let n = 0; n < WARM * TENANTS; n++) {
    const date = new Date(Date.UTC(1999, 0, 1 + Math.floor(n / TENANTS))).toISOString().slice(0, 10);
    await system.request('POST', `/pipelines/run/bench_${n % TENANTS}/gcp/example/dryrun`, {
      key: keys[n % TENANTS] as string,
      body: { date },
    });
  }
  for (let tries = 0; tries < 100; tries++) {
    const [row] = await system.query(
      "SELECT COUNTIF(end_time IS NOT NULL) AS n FROM tenants.x_meta_pipeline_runs WHERE trigger_type = 'api'",
    );
    if (Number(row?.n) >= WARM * TENANTS) break;
    await pause(200);
  }
  const pids = await system.pids();
  const cpu = () => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuMs(pid)]));
  await fetch(`${system.bigqueryUrl}/__stats`, { method: 'DELETE' });
  const cpuBefore = cpu();
  const ownBefore = process.cpuUsage();
  const posts: number[] = [];
  let refused = 0;
  const first = new Date(Date.now() - 1000).toISOString();
  const began = performance.now();
  const waiting: Promise<void>[] = [];
  for (let n = 0; n < RUNS; n++) {
    const due = began + (n * 1000) / RATE;
    const early = due - performance.now();
    if (early > 0) await pause(early);
    const tenant = n % TENANTS;
    const date = new Date(Date.UTC(2000, 0, 1) + Math.floor(n / TENANTS) * 86_400_000).toISOString().slice(0, 10);
    const at = performance.now();
    waiting.push(
      system
        .request('POST', `/pipelines/run/bench_${tenant}/gcp/example/dryrun`, { key: keys[tenant] as string, body: { date } })
        .then(({ status }) => {
          posts.push(performance.now() - at);
          if (status !== 200) refused++;
        }),
    );
  }
  await Promise.all(waiting);
  const posted = performance.now() - began;

  const where = `trigger_type = 'api' AND start_time >= '${first}'`;
  const table = '`tenants`.`x_meta_pipeline_runs`';
  for (let tries = 0; tries < 600; tries++) {
    const [row] = await system.query(`SELECT COUNTIF(end_time IS NOT NULL) AS n FROM ${table} WHERE ${where}`);
    if (Number(row?.n) >= RUNS - refused) break;
    await pause(500);
  }
  const cpuAfter = cpu();
  const own = process.cpuUsage(ownBefore);
  const counted = (await (await fetch(`${system.bigqueryUrl}/__stats`)).json()) as Counted;
  const rows = await system.query(
    `SELECT status, TIMESTAMP_DIFF(started_at, start_time, MILLISECOND) AS queued, TIMESTAMP_DIFF(end_time, started_at, MILLISECOND) AS took, UNIX_MILLIS(start_time) AS s, UNIX_MILLIS(end_time) AS e FROM ${table} WHERE ${where}`,
  );
  const ended = rows.filter((row) => row.e !== null);
  const seconds = (Math.max(...ended.map((row) => Number(row.e))) - Math.min(...ended.map((row) => Number(row.s)))) / 1000;
  const queued = ended.map((row) => Number(row.queued));
  const took = ended.map((row) => Number(row.took));
  console.log(`${RUNS} dry runs of ${TENANTS} tenants, ${RATE} POSTs a second asked for, ${Math.round((RUNS * 1000) / posted)} reached`);
  console.log(
    `POST             p50 ${percentile(posts, 0.5).toFixed(0)} ms, p99 ${percentile(posts, 0.99).toFixed(0)} ms, ${refused} refused`,
  );
  console.log(
    `end to end       ${(ended.length / seconds).toFixed(0)} runs a second, ${ended.filter((row) => row.status === 'COMPLETE').length} of ${ended.length} complete`,
  );
  console.log(`admitted->start  p50 ${percentile(queued, 0.5)} ms, p95 ${percentile(queued, 0.95)} ms`);
  console.log(`start->end       p50 ${percentile(took, 0.5)} ms, p95 ${percentile(took, 0.95)} ms`);
  for (const [name, pid] of Object.entries(pids))
    console.log(
      `${name.padEnd(17)}${(((cpuAfter[name] ?? 0) - (cpuBefore[name] ?? 0)) / RUNS).toFixed(2)} ms of processor time a run, ${residentMb(pid)} MB`,
    );
  console.log(`this bench       ${((own.user + own.system) / 1000 / RUNS).toFixed(2)} ms a run`);
  for (const [product, measures] of totals(counted))
    console.log(`${product.padEnd(17)}${[...measures].map(([name, n]) => `${(n / RUNS).toFixed(3)} ${name}`).join(', ')} a run`);
  for (const [name, port] of [
    ['Redis (BullMQ)', 6379],
    ['Postgres (graphile-worker)', 5432],
  ] as const)
    console.log(
      `peers            ${name} ${(await answers(port)) ? 'is here, but is not measured by this bench' : 'is not on this machine'}`,
    );
} finally {
  await system.stop();
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const say = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
  });
}
