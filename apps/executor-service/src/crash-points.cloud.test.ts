import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { writeFocusExport } from '../../../tools/sample-data/focus-export.ts';
import { type SampleServer, startSampleServer } from '../../../tools/sample-data/sample-server.ts';
import { installBillingExport } from '../../../tools/sample-data.ts';
import { startWorld, type World } from './testing/world.ts';

/** kill -9 with a run at each named point of each step type: the messages come again, and the tables are those of runs that nobody disturbed. */
jest.setTimeout(120_000);
const TARGET = ['staged', 'before_replace', 'replaced', 'cleaned'];
const POINTS: Readonly<Record<string, { path: string; points: readonly string[] }>> = {
  'bigquery.copy': { path: 'gcp/cost/billing_cost', points: ['planned', ...TARGET] },
  'bigquery.query': { path: 'gcp/cost/billing_cost', points: ['planned', ...TARGET] },
  'dq.check': { path: 'gcp/cost/billing_cost', points: ['checked', 'recorded'] },
  'http.extract': { path: 'openai/example/costs', points: ['page', 'fetched', 'loaded', ...TARGET] },
  'object.load': { path: 'aws/example/focus_export', points: ['fetched', 'loaded', ...TARGET] },
  notify: { path: 'gcp/example/tell', points: ['before_send', 'sent'] },
  'onboarding.dryrun': { path: 'gcp/example/dryrun', points: ['before_write', 'written'] },
  run: { path: 'gcp/cost/billing_cost', points: ['logged_complete'] },
};
const TABLES: Readonly<Record<string, readonly string[]>> = {
  'gcp/cost/billing_cost': ['gcp_raw_cost', 'gcp_silver_cost'],
  'openai/example/costs': ['openai_raw_costs'],
  'aws/example/focus_export': ['aws_raw_focus'],
  'gcp/example/tell': [],
  'gcp/example/dryrun': ['x_meta_onboarding_dryrun_test'],
};

let world: World;
let server: SampleServer;
const undisturbed = new Map<string, unknown>();
const parameters = (path: string): Record<string, unknown> => {
  if (path.startsWith('openai')) return { date: '2025-11-05', base_url: `http://127.0.0.1:${server.port}` };
  return path.startsWith('aws') ? { month: '2025-11' } : { date: '2025-11-05' };
};
const environment = () => ({ CONFIGS_DIR: join(world.folder, 'configs') });

const mails = () => readdir(join(world.folder, 'outbox')).catch(() => []);

/** Everything that a run leaves behind, without what names the run or tells the time. */
async function leftBehind(tenant: string, path: string): Promise<unknown> {
  const tables: Record<string, unknown> = {};
  for (const table of TABLES[path] ?? []) {
    const columns = (await world.warehouse.columnsOf(tenant, table)) ?? [];
    const kept = columns
      .filter((c) => !/^(x_run_id|x_pipeline_id|x_loaded_at|test_timestamp|tenant_id)$/.test(c.name))
      .map((c) => `\`${c.name}\``);
    const rows = await world.query(
      `SELECT TO_JSON_STRING(STRUCT(${kept.join(', ')})) AS row_text, COUNT(*) AS n FROM \`${table}\` GROUP BY row_text ORDER BY row_text`,
      tenant,
    );
    tables[table] = rows;
  }
  tables.dq = await world
    .query(
      'SELECT step_name, rule, `column`, status, rows_checked, rows_failed, expected FROM x_meta_dq_results ORDER BY dq_result_id, rule, `column`',
      tenant,
    )
    .then((rows) => rows.map((r) => JSON.stringify(r)).sort());
  tables.steps = await world.query(
    "SELECT DISTINCT step_name, status, rows_processed, TO_JSON_STRING(control_totals) AS totals FROM x_meta_step_logs WHERE step_name NOT LIKE 'x_%' ORDER BY step_name",
    tenant,
  );
  const left = await world.query(
    `SELECT table_name FROM \`${tenant}\`.INFORMATION_SCHEMA.TABLES WHERE table_name LIKE 'x_stage_%' OR table_name LIKE 'x_load_%'`,
    tenant,
  );
  tables.staging = left;
  return tables;
}

beforeAll(async () => {
  world = await startWorld();
  server = await startSampleServer(0);
  await cp(fileURLToPath(new URL('../../../configs', import.meta.url)), join(world.folder, 'configs'), { recursive: true });
  await writeFile(
    join(world.folder, 'configs/gcp/example/tell.yml'),
    'name: tell\ndescription: Tells\nprovider: gcp\ndomain: example\nversion: 1\nsteps:\n  - { id: tell, type: notify, with: { message: "Hello of {date}", dedup_key: "hello-{run_id}" } }\n',
  );
  await installBillingExport(world.warehouse, ['2025-11'], 'US', 40);
  await writeFocusExport(join(world.folder, 'objects'), '2025-11');
  const executor = await world.executor(environment());
  for (const [i, path] of Object.keys(TABLES).entries()) {
    await world.tenant(`undisturbed_${i}`);
    const end = await world.end(await world.request(`undisturbed_${i}`, path, parameters(path)));
    expect({ path, status: end.status, error: end.error }).toEqual({ path, status: 'COMPLETE', error: null });
    undisturbed.set(path, await leftBehind(`undisturbed_${i}`, path));
  }
  await executor.kill('SIGKILL');
});
afterAll(async () => {
  await world.stop();
  await server.close();
});

const cases = Object.entries(POINTS).flatMap(([type, { path, points }]) =>
  points.map((point) => ({ type, point, path, tenant: `t_${type.replaceAll('.', '_')}_${point}` })),
);

describe('a worker that dies with a run at each point of each step type', () => {
  const runs = new Map<string, string>();
  let notified = 0;
  beforeAll(async () => {
    const mark = join(world.folder, 'mark');
    await Promise.all(cases.map(({ tenant }) => world.tenant(tenant)));
    const at = cases.map(({ type, point, tenant }) => `${type}:${point}@${tenant}`);
    const env = { ...environment(), CRASH_AT: at.join(','), CRASH_MARK: mark };
    const before = (await mails()).length;
    const first = await world.executor(env);
    for (const { tenant, path } of cases) runs.set(tenant, await world.request(tenant, path, parameters(path)));
    expect(await first.gone).toEqual({ code: null, signal: 'SIGKILL' });
    expect((await readFile(mark, 'utf8')).trim().split('\n').sort()).toEqual(at.sort());
    expect([...runs.values()].filter((run) => world.ends.has(run))).toEqual([]);
    await world.letLeasesEnd();
    await world.executor(env);
    await Promise.all([...runs.values()].map((run) => world.end(run, 60_000)));
    notified = (await mails()).length - before;
  });

  test.each(cases)('$type at $point: it leaves what an undisturbed run leaves', async ({ path, tenant }) => {
    const end = await world.end(runs.get(tenant) as string);
    expect({ status: end.status, error: end.error }).toEqual({ status: 'COMPLETE', error: null });
    expect(await leftBehind(tenant, path)).toEqual(undisturbed.get(path));
  });

  test('a message that was sent before the crash is the same message when it is sent again', () => {
    expect(notified).toBe(POINTS.notify?.points.length);
  });
});
