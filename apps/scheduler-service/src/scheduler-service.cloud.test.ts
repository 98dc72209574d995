/** Recovery against local-cloud, by the real clients: killed at bad moments, it loses nothing and fires nothing twice. */
import { runCompleted } from '@convergence/contracts';
import { eventMessage } from '@convergence/service';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openAdmission, provisionedCell, type SchedulerProcess, startSchedulerProcess } from './testing/scheduler-process.ts';
import { completed } from './testing/scheduler-under-test.ts';

const SCHEDULES = 12;
let cloud: LocalCloud;
let cell: Awaited<ReturnType<typeof provisionedCell>>;
let admission: Awaited<ReturnType<typeof openAdmission>>;
let service: SchedulerProcess;

beforeAll(async () => {
  cloud = await startLocalCloud({ exportEnv: false });
  cell = await provisionedCell(cloud.env);
  admission = await openAdmission();
}, 60_000);
afterAll(async () => {
  await service?.kill();
  await admission?.close();
  await cell?.close();
  await cloud?.stop();
}, 30_000);

/** What the killed had in hand and not written comes again when Pub/Sub's lease is over, a minute and more later. */
const PATIENCE_MS = 100_000;
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`${what} did not happen\n${service.output().slice(-4000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const count = async (from: string): Promise<number> => Number((await cell.sql(`SELECT COUNT(*) AS n FROM tenants.${from}`))[0]?.n);
const runs = () => admission.asked.flat();
const start = async (own?: Record<string, string>) => {
  service = await startSchedulerProcess(cloud.env, admission.url, own);
};

test('schedules, fires and ends survive kill -9 at each stage, and each fire happened once', async () => {
  // Nothing reaches the tables before the first death: the journal alone brings it back.
  await start({ CHECKPOINT_SECONDS: '3600' });
  for (let i = 0; i < SCHEDULES; i++) {
    await service.ask('POST', '/scheduler/pipeline-configs', {
      tenant_id: `tenant_${i % 3}`,
      provider: 'GCP',
      domain: 'EXAMPLE',
      pipeline_template: 'dryrun',
      schedule_cron: '0 3 1 1 *',
      parameters: { date: '{yesterday}' },
      overlap: 'allow',
    });
  }
  await service.kill();
  expect(await count('tenant_pipeline_configs')).toBe(0);

  await start();
  await until('the checkpoint', async () => (await count('tenant_pipeline_configs')) === SCHEDULES);
  await cell.sql(
    'UPDATE tenants.tenant_pipeline_configs SET next_run_time = TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 MINUTE) WHERE TRUE',
  );
  await until('the first dispatch', async () => runs().length > 0);
  await service.kill();

  await start();
  await until('every dispatch', async () => new Set(runs().map((run) => run.run_id)).size === SCHEDULES);
  await until('running', async () => (await service.ask('GET', '/scheduler/status')).pipelines_running === SCHEDULES);
  const first = new Map(runs().map((run) => [run.run_id, run]));
  await cell.bus.publish([...first.values()].map((run) => eventMessage(runCompleted, completed(run), { source: 'test' })));
  await until('the first end', async () => (await service.ask('GET', '/scheduler/status')).pipelines_completed_today > 0);
  await service.kill();

  await start();
  await until('every end', async () => (await service.ask('GET', '/scheduler/status')).pipelines_completed_today === SCHEDULES);
  await until('the tables', async () => (await count("scheduled_pipeline_runs WHERE state = 'COMPLETED'")) === SCHEDULES);
  await until('the empty queue', async () => (await count('pipeline_execution_queue WHERE x_deleted IS NOT TRUE')) === 0);
  expect(await count('scheduled_pipeline_runs')).toBe(SCHEDULES);
  expect(await count("tenant_pipeline_configs WHERE last_run_status = 'SUCCESS' AND next_run_time > CURRENT_TIMESTAMP()")).toBe(SCHEDULES);
  expect(new Set(runs().map((run) => run.scheduled_run_id)).size).toBe(SCHEDULES);
  expect(new Set(runs().map((run) => run.run_id)).size).toBe(SCHEDULES);
}, 240_000);

test('an orderly stop leaves nothing to replay, and the next one goes on', async () => {
  await service.kill('SIGTERM');
  await start();
  expect(service.output()).toMatch(/"replayed":0/);
  expect(await service.ask('GET', '/scheduler/status')).toMatchObject({
    total_active_pipelines: SCHEDULES,
    pipelines_queued: 0,
    pipelines_running: 0,
    pipelines_completed_today: SCHEDULES,
  });
}, 60_000);
