/**
 * The whole system with tenants that may start runs without end, and rounds of dry runs through it: when each began and ended, and
 * what it cost every process.
 */
import { startSystem, until } from '../../../e2e/system.ts';
import { type Answered, HttpConnections } from './http-connections.ts';
import { cpuSeconds } from './process-watch.ts';

export interface Round {
  readonly posts: readonly number[];
  /** Milliseconds from admission to start, and from there to the end. */
  readonly queued: readonly number[];
  readonly took: readonly number[];
  /** From the first POST until the last reservation was given back. */
  readonly seconds: number;
  /** Milliseconds of processor time a run, by process. */
  readonly costs: Readonly<Record<string, number>>;
  /** What local-cloud counted for a run, by product. */
  readonly counted: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
interface Counts {
  readonly entries: readonly { readonly product: string; readonly measures: Readonly<Record<string, number>> }[];
}
const LIMITS = ['max_pipelines_per_day', 'max_pipelines_per_month', 'max_concurrent_pipelines'];
const TABLE = '`tenants`.`x_meta_pipeline_runs`';

export const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

export async function manyRuns(tenants: number) {
  const system = await startSystem({ RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'warn' });
  const port = Number(new URL(system.gatewayUrl).port);
  const http = new HttpConnections(port, 1000);
  const pids = await system.pids();
  const processes = { ...pids, 'this bench': process.pid };
  const keys: string[] = [];
  let made = 0;

  async function onboard(id: string): Promise<void> {
    const body = { tenant_id: id, company_name: 'Bench', admin_email: 'bench@example.com', subscription_plan: 'SCALE', run_dryrun: false };
    const { status, body: answer } = await system.request('POST', '/tenants/onboard', { body });
    if (status !== 200) throw new Error(`onboarding answered ${status}: ${JSON.stringify(answer)}`);
    const limits = Object.fromEntries(LIMITS.map((name) => [name, 1_000_000]));
    const changed = await system.request('PATCH', `/tenants/${id}/subscription`, { admin: true, body: limits });
    if (changed.status !== 200) throw new Error(`the subscription answered ${changed.status}: ${JSON.stringify(changed.body)}`);
    keys.push(answer.api_key);
  }

  /** Of tenants in turn; no two are alike. */
  function post(): Promise<Answered> {
    const tenant = made % tenants;
    const date = new Date(Date.UTC(2000, 0, 1 + Math.floor(made++ / tenants))).toISOString().slice(0, 10);
    const headers = { 'x-api-key': keys[tenant] as string };
    return http.ask('POST', `/api/v1/pipelines/run/bench_${tenant}/gcp/example/dryrun`, headers, JSON.stringify({ date }));
  }

  async function round(posting: () => Promise<readonly Answered[]>): Promise<Round> {
    await counts('DELETE');
    const before = usedMs();
    const since = new Date().toISOString();
    const began = performance.now();
    const answers = await posting();
    const refused = answers.filter(({ status }) => status !== 200);
    if (refused[0]) throw new Error(`${refused.length} POSTs were refused: ${refused[0].status} ${refused[0].text}`);
    await until(
      async () => (await reservations()) === 0,
      60_000,
      () => 'the runs do not end',
    ).catch(async (cause: unknown) => {
      throw new Error(await whyNotEnded(), { cause });
    });
    const seconds = (performance.now() - began) / 1000;
    const after = usedMs();
    const counted = totals(await counts('GET'), answers.length);
    const costs = Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, (ms - (before[name] ?? 0)) / answers.length]));
    return { posts: answers.map(({ ms }) => ms), ...(await recorded(since, answers.length)), seconds, costs, counted };
  }

  /** Of the live runs some, each with what it waits for, and what the services said last. */
  async function whyNotEnded(): Promise<string> {
    const told: string[] = [];
    for (const status of ['PENDING', 'RUNNING']) {
      const { body } = await system.request('GET', `/pipelines/runs?status=${status}&limit=3`, { admin: true });
      for (const { pipeline_logging_id: id } of body.items)
        told.push(JSON.stringify((await system.request('GET', `/pipelines/runs/${id}/why`, { admin: true })).body));
    }
    return ['the runs do not end', ...told, system.output.join('').slice(-5000)].join('\n');
  }

  const usedMs = () => Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuSeconds(pid) * 1000]));
  const counts = async (method: string) => (await (await fetch(`${system.bigqueryUrl}/__stats`, { method })).json()) as Counts;

  async function reservations(): Promise<number> {
    const metrics = await (await fetch(`http://127.0.0.1:${port + 1}/metrics`)).text();
    return Number(/^tenants_live_reservations\S* (\d+)$/m.exec(metrics)?.[1]);
  }

  /** What the table says of the runs since then, when it knows all their ends. */
  async function recorded(since: string, runs: number): Promise<Pick<Round, 'queued' | 'took'>> {
    const where = `trigger_type = 'api' AND start_time >= '${since}'`;
    const ended = async () => (await system.query(`SELECT COUNTIF(end_time IS NOT NULL) AS n FROM ${TABLE} WHERE ${where}`))[0]?.n;
    await until(
      async () => Number(await ended()) === runs,
      60_000,
      () => 'the table does not know the ends of all runs',
    );
    const rows = await system.query(
      `SELECT status, TIMESTAMP_DIFF(started_at, start_time, MILLISECOND) AS queued, TIMESTAMP_DIFF(end_time, started_at, MILLISECOND) AS took FROM ${TABLE} WHERE ${where}`,
    );
    const failed = rows.filter(({ status }) => status !== 'COMPLETE');
    if (failed.length > 0) throw new Error(`${failed.length} runs ended ${failed[0]?.status}`);
    return { queued: rows.map((row) => Number(row.queued)), took: rows.map((row) => Number(row.took)) };
  }

  try {
    for (let n = 0; n < tenants; n++) await onboard(`bench_${n}`);
  } catch (error) {
    await system.stop();
    throw error;
  }
  return {
    pids,
    atRate: (perSecond: number, seconds: number) => round(() => http.atRate(perSecond, seconds, post)),
    flood: (runs: number, underWay: number) => round(() => http.flood(runs, post, underWay)),
    async stop() {
      http.close();
      await system.stop();
    },
  };
}

function totals({ entries }: Counts, runs: number): Round['counted'] {
  const products: Record<string, Record<string, number>> = {};
  for (const { product, measures } of entries) {
    products[product] ??= {};
    for (const [name, n] of Object.entries(measures)) products[product][name] = (products[product][name] ?? 0) + n / runs;
  }
  return products;
}
