/**
 * The cloud is away: every answer comes while it is, nothing stays half done, and all goes on by itself. `SOAK=1`: for a minute.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Answer, type System, startSystem, until } from './system.ts';

const AWAY_MS = process.env.SOAK ? 60_000 : 6_000;
const TENANT = 'acme_corp';
let system: System;
let key: string;
beforeAll(async () => {
  system = await startSystem({ RATE_LIMIT_PER_MINUTE: '10000' });
  const onboarded = await system.request('POST', '/tenants/onboard', {
    body: { tenant_id: TENANT, company_name: 'ACME', admin_email: 'a@acme.example', subscription_plan: 'SCALE', run_dryrun: false },
  });
  key = onboarded.body.api_key;
}, 120_000);
afterAll(async () => {
  await system?.stop();
}, 30_000);

const run = (date: string) => system.request('POST', `/pipelines/run/${TENANT}/gcp/example/dryrun`, { key, body: { date } });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** One of each kind of change, all at once. */
const changes = (round: number): Promise<Answer[]> =>
  Promise.all([
    run(`2025-01-0${round}`),
    run(`2025-02-0${round}`),
    system.request('PATCH', `/tenants/${TENANT}/subscription`, { admin: true, body: { max_pipelines_per_day: 70 + round } }),
    system.request('PATCH', `/tenants/${TENANT}`, { key, body: { company_name: `ACME ${round}` } }),
    system.request('POST', `/tenants/${TENANT}/api-keys`, { key, body: { key_name: `key ${round}`, scopes: ['tenant:read'] } }),
    system.request('POST', `/scheduler/customer/${TENANT}/pipelines`, {
      key,
      body: { provider: 'gcp', domain: 'example', pipeline_template: 'dryrun', schedule_cron: `${round} 4 1 1 *`, timezone: 'UTC' },
    }),
  ]);

function expectNotNow(answers: readonly Answer[]): void {
  for (const { status, headers, body } of answers) {
    expect({ status, code: body.code }).toEqual({ status: 503, code: expect.stringMatching(/^service\./) });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
}

/** What the API says is what the tables show, and each run that counts is there once and comes to its end. */
async function expectWhole(): Promise<void> {
  const counted = async () => {
    const [row] = await system.query(`SELECT
      (SELECT COUNT(*) FROM tenants.run_admissions WHERE tenant_id = '${TENANT}' AND NOT x_deleted) AS admitted,
      (SELECT COUNT(*) FROM tenants.x_meta_pipeline_runs WHERE tenant_id = '${TENANT}' AND status = 'COMPLETE') AS complete,
      (SELECT MAX(pipelines_run_today) FROM tenants.tenant_usage_quotas WHERE tenant_id = '${TENANT}') AS counted,
      (SELECT MAX(max_pipelines_per_day) FROM tenants.tenant_subscriptions WHERE tenant_id = '${TENANT}') AS day_limit,
      (SELECT MAX(company_name) FROM tenants.tenant_profiles WHERE tenant_id = '${TENANT}') AS company,
      (SELECT COUNT(*) FROM tenants.tenant_api_keys WHERE tenant_id = '${TENANT}') AS api_keys,
      (SELECT COUNT(*) FROM tenants.tenant_pipeline_configs WHERE tenant_id = '${TENANT}') AS schedules`);
    return row ?? {};
  };
  const said = async () => {
    const [quota, subscription, profile, keys, schedules] = await Promise.all(
      ['/quota', '/subscription', '', '/api-keys'].map((path) => system.request('GET', `/tenants/${TENANT}${path}`, { key })),
    ).then(async (answers) => [...answers, await system.request('GET', `/scheduler/customer/${TENANT}/pipelines`, { key })]);
    const runs = String(quota?.body.pipelines_run_today);
    return {
      admitted: runs,
      complete: runs,
      counted: runs,
      day_limit: String(subscription?.body.max_pipelines_per_day),
      company: profile?.body.company_name,
      api_keys: String(keys?.body.items.length),
      schedules: String(schedules?.body.items.length),
    };
  };
  let shown: Record<string, string | null> = {};
  let told: Record<string, unknown> = {};
  const agree = async () => {
    [shown, told] = [await counted(), await said()];
    return JSON.stringify(shown) === JSON.stringify(told);
  };
  await until(
    agree,
    60_000,
    () => `tables ${JSON.stringify(shown)}\nAPI    ${JSON.stringify(told)}\n${system.output.join('').slice(-3000)}`,
  );
}

async function goesOn(round: number): Promise<void> {
  let answers: Answer[] = [];
  await until(
    async () => {
      answers = await changes(round);
      return answers.every(({ status }) => status < 300);
    },
    60_000,
    () => `not everything goes on: ${JSON.stringify(answers.map(({ status, body }) => [status, body.code, body.detail]))}`,
  );
  await expectWhole();
}

test('all of the cloud hangs: changes are refused at once with Retry-After, looks are answered, and then it goes on', async () => {
  const cloud = (await system.pids())['local-cloud'] as number;
  process.kill(cloud, 'SIGSTOP');
  try {
    expectNotNow(await changes(1));
    const until = Date.now() + AWAY_MS;
    do {
      expectNotNow(await changes(2));
      expect((await system.request('GET', `/tenants/${TENANT}/quota`, { key })).status).toBe(200);
      await sleep(500);
    } while (Date.now() < until);
  } finally {
    process.kill(cloud, 'SIGCONT');
  }
  await goesOn(3);
}, 240_000);

const faults = async (body: object) => {
  const { status } = await fetch(`${system.bigqueryUrl}/__control/faults`, { method: 'PUT', body: JSON.stringify(body) });
  expect(status).toBe(200);
};

test('BigQuery alone is away: what rests on the journal goes on, and tables and runs follow once it is back', async () => {
  await faults({ 'bigquery.unavailable': { probability: 1 } });
  const runs: Answer[] = [];
  try {
    const until = Date.now() + AWAY_MS;
    for (let day = 1; day <= 2 || Date.now() < until; day += 1) {
      if (day <= 2) runs.push(...(await changes(4)).slice(0, 2));
      expect((await system.request('GET', `/tenants/${TENANT}/quota`, { key })).status).toBe(200);
      await sleep(500);
    }
    expect(runs.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  } finally {
    await faults({ 'bigquery.unavailable': null });
  }
  await goesOn(5);
}, 240_000);

test('Pub/Sub alone is away: runs are admitted and wait, and each is executed once it is back', async () => {
  await faults({ 'pubsub.publish.unavailable': { probability: 1 } });
  const admitted = await Promise.all([run('2025-03-01'), run('2025-03-02')]);
  expect(admitted.map(({ status }) => status)).toEqual([200, 200]);
  await sleep(AWAY_MS);
  for (const { body } of admitted) {
    expect((await system.request('GET', `/pipelines/runs/${body.pipeline_logging_id}`, { key })).body.status).toBe('PENDING');
  }
  await faults({ 'pubsub.publish.unavailable': null });
  await expectWhole();
}, 240_000);
