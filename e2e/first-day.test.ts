/** A tenant's first day, from outside: onboarded, a run by hand, a schedule that fires, the seeds' queries, a crash of everything in turn. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type System, startSystem, until } from './system.ts';

let system: System;
let key: string;
beforeAll(async () => {
  system = await startSystem();
}, 120_000);
afterAll(async () => {
  await system?.stop();
}, 30_000);

async function ended(runId: string): Promise<{ status: string; error: unknown }> {
  let run: { status: string; error: unknown } = { status: 'none', error: null };
  await until(
    async () => {
      const answer = await system.request('GET', `/pipelines/runs/${runId}`, { key });
      if (answer.status === 200) run = answer.body;
      return ['COMPLETE', 'FAILED', 'CANCELLED'].includes(run.status);
    },
    // A run that died with its executor comes again when the lease ends, after a minute.
    100_000,
    () => `run ${runId} is still ${JSON.stringify(run)}\n${system.output.join('').slice(-4000)}`,
  );
  return run;
}

test('onboarding makes a tenant that can run pipelines, and shows its dry run', async () => {
  const answer = await system.request('POST', '/tenants/onboard', {
    body: {
      tenant_id: 'acme_corp',
      company_name: 'ACME Corporation',
      admin_email: 'admin@acme.example',
      subscription_plan: 'PROFESSIONAL',
    },
  });
  expect(answer).toMatchObject({
    status: 200,
    body: { tenant_id: 'acme_corp', customer_id: 'acme_corp', dataset_created: true, dryrun_status: 'SUCCESS' },
  });
  expect(answer.body.tables_created).toEqual(expect.arrayContaining(['x_meta_pipeline_runs', 'x_meta_step_logs', 'x_meta_dq_results']));
  key = answer.body.api_key;
  expect(key).toMatch(/^acme_corp_api_.{20,}$/);
}, 60_000);

describe('a run by hand', () => {
  let runId: string;
  test('is visible the moment its POST returned, and completes', async () => {
    const answer = await system.request('POST', '/pipelines/run/acme_corp/gcp/example/dryrun', {
      key,
      body: { date: '2025-11-15', trigger_by: 'alice' },
    });
    expect(answer).toMatchObject({ status: 200, body: { pipeline_id: 'acme_corp-gcp-example-dryrun', status: 'PENDING' } });
    runId = answer.body.pipeline_logging_id;
    expect((await system.request('GET', `/pipelines/runs/${runId}`, { key })).status).toBe(200);
    expect(await ended(runId)).toMatchObject({ status: 'COMPLETE' });
  }, 60_000);
  test('counts against the quota', async () => {
    const { body } = await system.request('GET', '/tenants/acme_corp/quota', { key });
    expect(body).toMatchObject({ pipelines_run_today: 1, daily_limit: 25, remaining_today: 24, monthly_limit: 750, concurrent_limit: 5 });
  });
  test('lies in the tables within seconds, where the seeds look for it', async () => {
    await until(
      async () => {
        const rows = await system.query(`SELECT status FROM tenants.x_meta_pipeline_runs WHERE pipeline_logging_id = '${runId}'`);
        return rows[0]?.status === 'COMPLETE';
      },
      20_000,
      () => 'the run is not in x_meta_pipeline_runs',
    );
    const steps = await system.query(`SELECT step_name, status FROM acme_corp.x_meta_step_logs WHERE pipeline_logging_id = '${runId}'`);
    expect(steps.length).toBeGreaterThan(0);
    const mine = await system.query('SELECT pipeline_id FROM acme_corp.x_meta_pipeline_runs ORDER BY start_time DESC LIMIT 10');
    expect(mine.map((row) => row.pipeline_id)).toContain('acme_corp-gcp-example-dryrun');
  }, 40_000);
});

test('a schedule whose time has come runs by itself and comes to its end', async () => {
  const made = await system.request('POST', '/scheduler/customer/acme_corp/pipelines', {
    key,
    body: {
      provider: 'GCP',
      domain: 'EXAMPLE',
      pipeline_template: 'dryrun',
      schedule_cron: '0 2 * * *',
      timezone: 'America/New_York',
      parameters: { date: '{yesterday}' },
    },
  });
  expect(made).toMatchObject({ status: 200, body: { is_active: true, next_runs: expect.any(Array) } });
  expect(made.body.next_runs).toHaveLength(5);
  const id = made.body.config_id;
  await until(
    async () => (await system.query(`SELECT config_id FROM tenants.tenant_pipeline_configs WHERE config_id = '${id}'`)).length === 1,
    20_000,
    () => 'the schedule is not in its table',
  );
  // An operator moves its next run to now, by hand.
  await system.query(
    `UPDATE tenants.tenant_pipeline_configs SET next_run_time = TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 MINUTE) WHERE config_id = '${id}'`,
  );
  await until(
    async () => {
      const { body } = await system.request('GET', '/scheduler/customer/acme_corp/pipelines', { key });
      return body.items[0].last_run_status === 'SUCCESS';
    },
    60_000,
    () => `the schedule did not run\n${system.output.join('').slice(-4000)}`,
  );
  await until(
    async () =>
      (await system.query(`SELECT state FROM tenants.scheduled_pipeline_runs WHERE config_id = '${id}'`))[0]?.state === 'COMPLETED',
    20_000,
    () => 'scheduled_pipeline_runs does not show the end',
  );
}, 120_000);

test('one trace spans the gateway and the scheduler, through HTTP and Pub/Sub', async () => {
  const trace = randomBytes(16).toString('hex');
  const lines = (service: string) =>
    system.output
      .join('')
      .split('\n')
      .filter((line) => line.includes(` ${service} `) && line.includes(`trace_id=${trace}`));
  const traceparent = `00-${trace}-${randomBytes(8).toString('hex')}-01`;
  const answer = await system.request('POST', '/scheduler/trigger', { admin: true, headers: { traceparent } });
  expect(answer.status).toBe(200);
  await until(
    () => lines('gateway').length > 0 && lines('scheduler-service').some((line) => line.includes('schedule-tick handled')),
    20_000,
    () => `no line of both services has the trace\n${system.output.join('').slice(-4000)}`,
  );
  const scheduler = new URL(system.gatewayUrl);
  scheduler.port = String(Number(scheduler.port) + 2);
  const metrics = await (await fetch(new URL('/metrics', scheduler))).text();
  expect(metrics).toMatch(/message_batch_duration_seconds_count\{[^}]*schedule-tick\.scheduler-service[^}]*\} [1-9]/);
}, 40_000);

test.each(['tenant-service', 'scheduler-service', 'executor-service', 'gateway', 'local-cloud'])(
  'kill -9 of %s heals: runs go on afterwards',
  async (name) => {
    const pid = (await system.pids())[name];
    expect(pid).toBeGreaterThan(0);
    process.kill(pid as number, 'SIGKILL');
    let runId: string | undefined;
    await until(
      async () => {
        const answer = await system
          .request('POST', '/pipelines/run/acme_corp/gcp/example/dryrun', { key, body: { date: '2025-10-01', trigger_by: name } })
          .catch(() => undefined);
        if (answer?.status === 200) runId = answer.body.pipeline_logging_id;
        return answer?.status === 200;
      },
      60_000,
      () => `no run was taken after ${name} died\n${system.output.join('').slice(-4000)}`,
    );
    expect(await ended(runId as string)).toMatchObject({ status: 'COMPLETE' });
  },
  200_000,
);
