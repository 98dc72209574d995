import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startWorld, type World } from './testing/world.ts';

jest.setTimeout(90_000);
let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.tenant('acme_corp');
  await world.executor();
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
});
