/**
 * The monitoring SQL of the product's first guides, unchanged but for project, dataset and tenant, against the running system in a
 * state in which each has something to say: runs that completed, failed, run and wait, and a schedule that is late.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SEED_QUERIES } from '../apps/tenant-service/src/testing/seed-queries.ts';
import { type System, startSystem, until } from './system.ts';

let system: System;
const keys: Record<string, string> = {};
const stopped: number[] = [];
let manualRun = '';

type Row = Record<string, string | null>;
const here = (sql: string): string => sql.replaceAll('gac-prod-471220', 'convergence-local').replaceAll('{customer_id}', 'acme_corp');
const query = (sql: string): Promise<Row[]> => system.query(here(sql));
const number = (value: string | null | undefined): number => Number(value);

async function onboard(tenant_id: string, subscription_plan: string): Promise<void> {
  const body = { tenant_id, company_name: tenant_id, admin_email: `admin@${tenant_id.replace('_', '-')}.example`, subscription_plan };
  const answer = await system.request('POST', '/tenants/onboard', { body });
  expect(answer.status).toBe(200);
  keys[tenant_id] = answer.body.api_key;
}
async function schedule(tenant: string, date: string): Promise<string> {
  const body = { provider: 'GCP', domain: 'EXAMPLE', pipeline_template: 'dryrun', schedule_cron: '0 2 1 1 *', parameters: { date } };
  const answer = await system.request('POST', `/scheduler/customer/${tenant}/pipelines`, { key: keys[tenant] as string, body });
  expect(answer.status).toBe(200);
  return answer.body.config_id;
}
const seen = (what: string, sql: string, fits: (rows: Row[]) => boolean) =>
  until(
    async () => fits(await query(sql)),
    60_000,
    () => `${what} is not in the tables\n${system.output.join('').slice(-4000)}`,
  );
const makeDue = (configId: string) =>
  query(
    `UPDATE tenants.tenant_pipeline_configs SET next_run_time = TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 5 MINUTE) WHERE config_id = '${configId}'`,
  );
async function freeze(name: string): Promise<void> {
  const pid = (await system.pids())[name] as number;
  process.kill(pid, 'SIGSTOP');
  stopped.push(pid);
}
const states = (rows: Row[]): string => rows.map((row) => row.state).join();

beforeAll(async () => {
  system = await startSystem();
  await onboard('acme_corp', 'PROFESSIONAL');
  await onboard('globex', 'STARTER');
  const run = await system.request('POST', '/pipelines/run/acme_corp/gcp/example/dryrun', {
    key: keys.acme_corp as string,
    body: { date: '2025-11-15' },
  });
  manualRun = run.body.pipeline_logging_id;
  const credential = await system.request('POST', '/tenants/acme_corp/credentials', {
    key: keys.acme_corp as string,
    body: {
      provider: 'OPENAI',
      credential_type: 'ADMIN_KEY',
      credential_name: 'Main OpenAI key',
      credentials: { api_key: 'sk-admin-0123456789abcdefghij' },
    },
  });
  expect(credential).toMatchObject({ status: 200 });
  const [completes, runs, waits] = [
    await schedule('acme_corp', '2025-11-01'),
    await schedule('acme_corp', '2025-11-02'),
    await schedule('globex', '2025-11-03'),
  ];
  await seen('the schedules', 'SELECT config_id FROM tenants.tenant_pipeline_configs', (rows) => rows.length === 3);
  await system.request('PATCH', '/tenants/globex/subscription', { admin: true, body: { status: 'PAST_DUE' } });
  await makeDue(completes);
  await makeDue(waits);
  // By hand, of a template that is not there: it is adopted, and its run fails.
  await query(`INSERT INTO tenants.tenant_pipeline_configs
    (config_id, tenant_id, provider, domain, pipeline_template, schedule_cron, timezone, is_active, next_run_time)
    VALUES ('by-hand', 'acme_corp', 'GCP', 'COST', 'not_there', '0 2 1 1 *', 'UTC', TRUE, TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 5 MINUTE))`);
  await seen(
    'three runs',
    'SELECT state FROM tenants.scheduled_pipeline_runs ORDER BY state',
    (rows) => states(rows) === 'COMPLETED,FAILED,PENDING',
  );
  await seen(
    'the manual run',
    `SELECT status FROM tenants.x_meta_pipeline_runs WHERE pipeline_logging_id = '${manualRun}'`,
    ([row]) => row?.status === 'COMPLETE',
  );
  await freeze('executor-service');
  await makeDue(runs);
  await seen(
    'the run that runs',
    'SELECT state FROM tenants.scheduled_pipeline_runs ORDER BY state',
    (rows) => states(rows) === 'COMPLETED,FAILED,PENDING,RUNNING',
  );
  await seen(
    'its reservation',
    "SELECT concurrent_pipelines_running AS n FROM tenants.tenant_usage_quotas WHERE tenant_id = 'acme_corp'",
    ([row]) => row?.n === '1',
  );
  await freeze('scheduler-service');
  await makeDue(completes);
}, 240_000);
afterAll(async () => {
  for (const pid of stopped) process.kill(pid, 'SIGCONT');
  await system?.stop();
}, 60_000);

test.each(SEED_QUERIES)('$says', async ({ sql }) => {
  const rows = await query(sql);
  expect(rows).toHaveLength(1);
  const [row] = rows as [Row];
  if ('pipelines_run_today' in row) expect(row.pipelines_run_today).toBe('3');
  if ('daily_limit' in row) expect(row.daily_limit).toBe('25');
  if ('remaining' in row) expect(row.remaining).toBe('22');
  if ('concurrent_limit' in row)
    expect(row).toMatchObject({ concurrent_pipelines_running: '1', concurrent_limit: '5', monthly_limit: '750' });
  if ('status' in row) expect(row.status).toBe('ACTIVE');
  if ('is_active' in row) expect(row.is_active).toBe('true');
  if ('credential_name' in row) expect(row).toMatchObject({ provider: 'OPENAI', credential_name: 'Main OpenAI key' });
  if ('customer_id' in row) expect(row.customer_id).toBe('acme_corp');
});

test('guide 2: the runs of a tenant and their steps', async () => {
  const runs = await query(`SELECT pipeline_logging_id, pipeline_id, tenant_id, user_id, status, start_time, duration_ms
FROM \`acme_corp.x_meta_pipeline_runs\`
ORDER BY start_time DESC LIMIT 10`);
  expect(runs).toContainEqual(
    expect.objectContaining({ pipeline_logging_id: manualRun, pipeline_id: 'acme_corp-gcp-example-dryrun', status: 'COMPLETE' }),
  );
  expect(runs.every((run) => run.tenant_id === 'acme_corp')).toBe(true);
  const steps = await query(`SELECT pipeline_logging_id, step_name, status, rows_processed, duration_ms
FROM \`acme_corp.x_meta_step_logs\`
WHERE pipeline_logging_id = '${manualRun}'
ORDER BY start_time`);
  expect(steps.length).toBeGreaterThan(0);
  expect(number(steps[0]?.duration_ms)).toBeGreaterThanOrEqual(0);
});

test('guide 4: the last run of a tenant, by project, dataset and table', async () => {
  const rows = await query(`SELECT pipeline_id, status, start_time
   FROM \`gac-prod-471220.acme_corp.x_meta_pipeline_runs\`
   ORDER BY start_time DESC LIMIT 1`);
  expect(rows).toEqual([expect.objectContaining({ pipeline_id: 'acme_corp-gcp-example-dryrun' })]);
});

test('flows: which pipelines are due, with what is left of their quota', async () => {
  const rows = await query(`WITH due_pipelines AS (
  SELECT
    c.config_id,
    c.tenant_id,
    c.provider,
    c.domain,
    c.pipeline_template,
    c.schedule_cron,
    c.timezone,
    c.parameters,
    c.next_run_time,
    c.priority,
    p.status as tenant_status,
    s.max_pipelines_per_day,
    COALESCE(u.pipelines_run_today, 0) as pipelines_run_today
  FROM tenants.tenant_pipeline_configs c
  INNER JOIN tenants.tenant_profiles p
    ON c.tenant_id = p.tenant_id
  LEFT JOIN tenants.tenant_subscriptions s
    ON p.tenant_id = s.tenant_id AND s.status = 'ACTIVE'
  LEFT JOIN tenants.tenant_usage_quotas u
    ON p.tenant_id = u.tenant_id AND u.usage_date = CURRENT_DATE()
  WHERE c.is_active = TRUE
    AND c.next_run_time <= CURRENT_TIMESTAMP()
    AND p.status = 'ACTIVE'
)
SELECT * FROM due_pipelines
WHERE pipelines_run_today < max_pipelines_per_day
ORDER BY next_run_time ASC, priority DESC
LIMIT 100`);
  expect(rows).toEqual([
    expect.objectContaining({
      tenant_id: 'acme_corp',
      tenant_status: 'ACTIVE',
      max_pipelines_per_day: '25',
      pipelines_run_today: '3',
      parameters: '{"date":"2025-11-01"}',
    }),
  ]);
});

test('flows: the next item of the queue, its configuration, its retries', async () => {
  const [next] = await query(`SELECT
  run_id,
  tenant_id,
  pipeline_id,
  scheduled_time,
  priority
FROM tenants.pipeline_execution_queue
WHERE state = 'QUEUED'
ORDER BY priority DESC, scheduled_time ASC
LIMIT 1`);
  expect(next).toMatchObject({ tenant_id: 'globex', pipeline_id: 'globex-gcp-example-dryrun', priority: '5' });
  const configuration = await query(`SELECT
  r.config_id,
  r.parameters,
  c.provider,
  c.domain,
  c.pipeline_template
FROM tenants.scheduled_pipeline_runs r
INNER JOIN tenants.tenant_pipeline_configs c
  ON r.config_id = c.config_id
WHERE r.run_id = '${next?.run_id}'
LIMIT 1`);
  expect(configuration).toEqual([expect.objectContaining({ provider: 'GCP', domain: 'EXAMPLE', pipeline_template: 'dryrun' })]);
  expect(
    await query(`SELECT retry_count, max_retries
FROM tenants.scheduled_pipeline_runs
WHERE run_id = '${next?.run_id}'`),
  ).toEqual([{ retry_count: '0', max_retries: '3' }]);
});

test('guide 3: the four monitoring queries', async () => {
  expect(await query('SELECT * FROM `gac-prod-471220.customers_metadata.pipelines_due_now`\nLIMIT 10')).toEqual([
    expect.objectContaining({ customer_id: 'acme_corp', pipeline_template: 'dryrun' }),
  ]);
  expect(await query('SELECT * FROM `gac-prod-471220.customers_metadata.currently_running_pipelines`')).toEqual([
    expect.objectContaining({ customer_id: 'acme_corp', state: 'RUNNING' }),
  ]);
  expect(
    await query("SELECT * FROM `gac-prod-471220.customers_metadata.pipeline_execution_stats_7d`\nWHERE customer_id = 'acme_corp'"),
  ).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        pipeline_id: 'acme_corp-gcp-example-dryrun',
        total_runs: '2',
        successful_runs: '1',
        success_rate: expect.stringMatching(/^100(\.0)?$/),
      }),
      expect.objectContaining({
        pipeline_id: 'acme_corp-gcp-cost-not_there',
        total_runs: '1',
        failed_runs: '1',
        success_rate: expect.stringMatching(/^0(\.0)?$/),
      }),
    ]),
  );
  expect(
    await query("SELECT COUNT(*) as backlog FROM `gac-prod-471220.customers_metadata.pipeline_execution_queue`\nWHERE state = 'QUEUED'"),
  ).toEqual([{ backlog: '1' }]);
});

test('guide 3: what is due, of customers that are active', async () => {
  const rows = await query(`SELECT * FROM customers_metadata.customer_pipeline_configs
   WHERE is_active = TRUE
     AND next_run_time <= CURRENT_TIMESTAMP()
     AND customer_id IN (
       SELECT customer_id FROM customers_metadata.customers WHERE status = 'ACTIVE'
     )`);
  expect(rows).toEqual([expect.objectContaining({ customer_id: 'acme_corp', schedule_cron: '0 2 1 1 *' })]);
});

test('guide 4: configuration created, runs created, state transition', async () => {
  const configurations = await query(`SELECT config_id, pipeline_template, schedule_cron, next_run_time
   FROM \`gac-prod-471220.customers_metadata.customer_pipeline_configs\`
   WHERE customer_id = (
     SELECT customer_id FROM \`gac-prod-471220.customers_metadata.customer_profiles\`
     WHERE tenant_dataset_id = 'acme_corp'
   )`);
  expect(configurations).toHaveLength(3);
  expect(configurations.every((row) => row.next_run_time !== null)).toBe(true);
  const created = await query(`SELECT run_id, state, scheduled_time
   FROM \`gac-prod-471220.customers_metadata.scheduled_pipeline_runs\`
   WHERE DATE(scheduled_time) = CURRENT_DATE()
   ORDER BY created_at DESC
   LIMIT 10`);
  expect(created.map((row) => row.state).sort()).toEqual(['COMPLETED', 'FAILED', 'PENDING', 'RUNNING']);
  const latest = await query(`SELECT run_id, state, updated_at
   FROM \`gac-prod-471220.customers_metadata.scheduled_pipeline_runs\`
   ORDER BY updated_at DESC
   LIMIT 1`);
  expect(latest).toEqual([expect.objectContaining({ state: 'RUNNING' })]);
});

test('guide 4: is it running, is it active, did the scheduler run, what failed', async () => {
  expect(
    await query(`SELECT COUNT(*) as actual_running
FROM \`gac-prod-471220.{customer_id}.x_meta_pipeline_runs\`
WHERE status IN ('PENDING', 'RUNNING')`),
  ).toEqual([{ actual_running: expect.stringMatching(/^[01]$/) }]);
  expect(
    await query(`SELECT config_id, is_active, next_run_time
FROM \`gac-prod-471220.customers_metadata.customer_pipeline_configs\`
WHERE customer_id = '{customer_id}'`),
  ).toHaveLength(3);
  const [last] = await query(`SELECT MAX(created_at) as last_trigger
FROM \`gac-prod-471220.customers_metadata.scheduled_pipeline_runs\``);
  expect(Date.now() / 1000 - number(last?.last_trigger)).toBeLessThan(600);
  expect(
    await query(`SELECT run_id, state, error_message
FROM \`gac-prod-471220.customers_metadata.scheduled_pipeline_runs\`
WHERE state = 'FAILED'
ORDER BY created_at DESC
LIMIT 10`),
  ).toEqual([expect.objectContaining({ state: 'FAILED', error_message: 'Template not found: configs/gcp/cost/not_there.yml' })]);
});

test('guide 4: due now, running now, success of the last seven days', async () => {
  const due = await query(`SELECT
  c.customer_id,
  c.pipeline_template,
  c.next_run_time,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), c.next_run_time, MINUTE) as minutes_late
FROM \`gac-prod-471220.customers_metadata.customer_pipeline_configs\` c
JOIN \`gac-prod-471220.customers_metadata.customer_profiles\` p
  ON c.customer_id = p.customer_id
WHERE c.is_active = TRUE
  AND p.status = 'ACTIVE'
  AND c.next_run_time <= CURRENT_TIMESTAMP()
ORDER BY c.next_run_time`);
  expect(due).toEqual([expect.objectContaining({ customer_id: 'acme_corp', pipeline_template: 'dryrun' })]);
  expect(number(due[0]?.minutes_late)).toBeGreaterThanOrEqual(5);
  const running = await query(`SELECT
  r.customer_id,
  r.config_id,
  r.state,
  r.scheduled_time,
  r.actual_start_time,
  TIMESTAMP_DIFF(CURRENT_TIMESTAMP(), r.actual_start_time, MINUTE) as running_minutes
FROM \`gac-prod-471220.customers_metadata.scheduled_pipeline_runs\` r
WHERE r.state = 'RUNNING'
ORDER BY r.actual_start_time`);
  expect(running).toEqual([expect.objectContaining({ customer_id: 'acme_corp', running_minutes: expect.stringMatching(/^\d+$/) })]);
  const success = await query(`SELECT
  customer_id,
  COUNT(*) as total_runs,
  SUM(CASE WHEN state = 'COMPLETED' THEN 1 ELSE 0 END) as successful,
  SUM(CASE WHEN state = 'FAILED' THEN 1 ELSE 0 END) as failed,
  ROUND(100.0 * SUM(CASE WHEN state = 'COMPLETED' THEN 1 ELSE 0 END) / COUNT(*), 2) as success_rate
FROM \`gac-prod-471220.customers_metadata.scheduled_pipeline_runs\`
WHERE scheduled_time >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
GROUP BY customer_id
ORDER BY total_runs DESC`);
  expect(success.map(({ success_rate, ...row }) => ({ ...row, success_rate: number(success_rate) }))).toEqual([
    { customer_id: 'acme_corp', total_runs: '3', successful: '1', failed: '1', success_rate: 33.33 },
    { customer_id: 'globex', total_runs: '1', successful: '0', failed: '0', success_rate: 0 },
  ]);
});
