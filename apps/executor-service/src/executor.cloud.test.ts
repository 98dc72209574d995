import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type ExecutorProcess, startWorld, type World } from './testing/world.ts';

jest.setTimeout(90_000);
let world: World;
let executor: ExecutorProcess;
beforeAll(async () => {
  world = await startWorld();
  await world.tenant('acme_corp');
  executor = await world.executor();
});
afterAll(() => world.stop());

describe('a run that was asked for (run-requested)', () => {
  test("is executed, logged in the tenant's dataset and recorded in x_meta_pipeline_runs", async () => {
    const runId = await world.request('acme_corp', 'gcp/example/dryrun', { date: '2025-11-17' });
    expect(await world.end(runId)).toMatchObject({ status: 'COMPLETE', did_work: true, error: null });
    expect(await world.query('SELECT tenant_id, message, x_run_id FROM x_meta_onboarding_dryrun_test', 'acme_corp')).toEqual([
      { tenant_id: 'acme_corp', message: 'Onboarding dryrun successful', x_run_id: runId },
    ]);
    const steps = await world.query('SELECT step_name, status, rows_processed, retry_count FROM x_meta_step_logs', 'acme_corp');
    expect(steps).toEqual([{ step_name: 'dryrun', status: 'COMPLETE', rows_processed: 1, retry_count: 0 }]);
    for (let tries = 0; ; tries++) {
      const rows = await world.query(
        "SELECT status, trigger_type, template, JSON_VALUE(parameters, '$.date') AS date, template_version, duration_ms >= 0 AS timed FROM x_meta_pipeline_runs",
        'tenants',
      );
      if (rows[0]?.status !== 'COMPLETE' && tries < 100) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
      expect(rows).toEqual([
        { status: 'COMPLETE', trigger_type: 'api', template: 'dryrun', date: '2025-11-17', template_version: 1, timed: true },
      ]);
      break;
    }
  });

  test('and that ended on a process that died before it was recorded, is not done again when it is asked for once more', async () => {
    await world.tenant('globex');
    const admitted_at = new Date().toISOString();
    const runId = await world.request('globex', 'gcp/example/dryrun', {}, { admitted_at });
    await world.end(runId);
    const recorded = () => world.query(`SELECT status FROM x_meta_pipeline_runs WHERE pipeline_logging_id = '${runId}'`, 'tenants');
    while ((await recorded())[0]?.status !== 'COMPLETE') await new Promise((resolve) => setTimeout(resolve, 50));
    await executor.kill('SIGKILL');
    await world.query(`DELETE FROM x_meta_pipeline_runs WHERE pipeline_logging_id = '${runId}'`, 'tenants');
    executor = await world.executor();
    await world.request('globex', 'gcp/example/dryrun', {}, { admitted_at, run_id: runId });
    while ((world.ends.get(runId)?.length ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await world.query('SELECT x_run_id FROM x_meta_onboarding_dryrun_test', 'globex')).toEqual([{ x_run_id: runId }]);
    expect(await world.query('SELECT step_name, status FROM x_meta_step_logs', 'globex')).toEqual([
      { step_name: 'dryrun', status: 'COMPLETE' },
    ]);
  });
});
