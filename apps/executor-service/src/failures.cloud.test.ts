import { randomUUID } from 'node:crypto';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunSpec, runCancelled } from '@convergence/contracts';
import { eventMessage } from '@convergence/service';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type ExecutorProcess, startWorld, type World } from './testing/world.ts';

jest.setTimeout(120_000);
let world: World;
let executor: ExecutorProcess;
/** A step in work gets a second to finish when its executor is told to go. */
const environment = () => ({ CONFIGS_DIR: join(world.folder, 'configs'), DRAIN_SECONDS: '6' });
const template = (name: string, rest: string) =>
  writeFile(
    join(world.folder, `configs/gcp/example/${name}.yml`),
    `name: ${name}\ndescription: ${name}\nprovider: gcp\ndomain: example\nversion: 1\n${rest}`,
  );

beforeAll(async () => {
  world = await startWorld();
  await cp(fileURLToPath(new URL('../../../configs', import.meta.url)), join(world.folder, 'configs'), { recursive: true });
  await mkdir(join(world.folder, 'outbox'), { recursive: true });
  await template(
    'missing_table',
    'notify: { on_failure: [email] }\nsteps:\n  - { id: read, type: bigquery.query, with: { sql: "SELECT * FROM no_such_table", to: out_t } }\n  - { id: after, type: notify, when: failed, with: { message: It failed } }\n',
  );
  await template(
    'foreign',
    'parameters:\n  source: { type: table, default: their-project.billing.export }\nsteps:\n  - { id: copy, type: bigquery.copy, with: { from: "{source}", to: out_t } }\n',
  );
  await template(
    'bad_quality',
    'steps:\n  - { id: make, type: bigquery.query, with: { sql: "SELECT 1 AS id, CAST(NULL AS STRING) AS name", to: out_q } }\n  - id: check\n    type: dq.check\n    with: { table: out_q, rules: [{ rule: not_null, column: name }, { rule: row_count, min: 5, severity: warn }] }\n  - { id: never, type: bigquery.query, with: { sql: "SELECT 1 AS id", to: out_never } }\n',
  );
  await template('drift', 'steps:\n  - { id: make, type: bigquery.query, with: { sql: "SELECT \'x\' AS id", to: out_d } }\n');
  await template(
    'twice',
    'parameters:\n  fail: { type: boolean, default: false }\nsteps:\n  - { id: first, type: bigquery.query, with: { sql: "SELECT GENERATE_UUID() AS u", to: out_first } }\n  - { id: off, type: notify, enabled: false, with: { message: no } }\n  - { id: kept, type: bigquery.query, with: { sql: "SELECT GENERATE_UUID() AS u", to: out_kept } }\n  - { id: second, type: bigquery.query, with: { sql: "SELECT x AS u FROM flag_t", to: out_second } }\n',
  );
  await template(
    'slow',
    'timeout_minutes: 0.05\nsteps:\n  - { id: count, type: bigquery.query, with: { sql: "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 100001)) AS a, UNNEST(GENERATE_ARRAY(1, 100001)) AS b WHERE a * 2 > b", to: out_s } }\n  - { id: beside, depends_on: [], type: bigquery.query, with: { sql: "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 100002)) AS a, UNNEST(GENERATE_ARRAY(1, 100001)) AS b WHERE a * 2 > b", to: out_b } }\n  - { id: after, type: bigquery.query, with: { sql: "SELECT 1 AS n", to: out_a } }\n',
  );
  await template(
    'impatient',
    'timeout_minutes: 0.05\nsteps:\n  - { id: post, type: http.extract, with: { url: "http://127.0.0.1:9/never", to: out_i, columns: { a: { path: a, type: STRING } } }, retry: { max_attempts: 10, backoff_seconds: 30 } }\n',
  );
  await template(
    'waits',
    'steps:\n  - { id: wait, type: http.extract, with: { url: "http://127.0.0.1:9/never", to: out_w, columns: { a: { path: a, type: STRING } } }, retry: { max_attempts: 10, backoff_seconds: 30 } }\n',
  );
  await template(
    'heavy',
    'steps:\n  - { id: count, type: bigquery.query, with: { sql: "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS a, UNNEST(GENERATE_ARRAY(1, 100000)) AS b WHERE a * 2 > b", to: out_h } }\n',
  );
  for (const tenant of ['acme_corp', 'globex_inc', 'gone_corp']) await world.tenant(tenant);
  executor = await world.executor(environment());
});
afterAll(() => world.stop());

const run = async (path: string, parameters: Record<string, unknown> = {}, tenant = 'acme_corp', more: Partial<RunSpec> = {}) => {
  const runId = await world.request(tenant, path, parameters, more);
  return { runId, end: await world.end(runId) };
};
const steps = async (runId: string) =>
  Object.fromEntries(
    (await world.query(`SELECT step_name, status FROM x_meta_step_logs WHERE pipeline_logging_id = '${runId}'`, 'acme_corp')).map((r) => [
      r.step_name,
      r.status,
    ]),
  );

interface Job {
  readonly configuration: { readonly query?: { readonly query?: string } };
  readonly status: { readonly state: string; readonly errorResult?: { readonly reason?: string } };
}
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await condition()); await new Promise((resolve) => setTimeout(resolve, 50)))
    if (Date.now() > end) throw new Error('it did not come to that');
}

describe('a run that can not succeed says what happened and what to do', () => {
  test('missing table: the step after hears of it, one e-mail goes out, and other tenants run on', async () => {
    const before = (await readdir(join(world.folder, 'outbox'))).length;
    const [failed, other] = await Promise.all([run('gcp/example/missing_table'), run('gcp/example/dryrun', {}, 'globex_inc')]);
    expect(failed.end).toMatchObject({ status: 'FAILED', retryable: false, error: { step: 'read', hint: expect.any(String) } });
    expect(failed.end.error?.message).toContain('no_such_table');
    expect(other.end.status).toBe('COMPLETE');
    expect(await steps(failed.runId)).toMatchObject({ read: 'FAILED', after: 'COMPLETE', x_notification: 'COMPLETE' });
    // One of the step, one of the template's notify.
    expect((await readdir(join(world.folder, 'outbox'))).length - before).toBe(2);
  });

  test('parameters that the template does not take any more: people are told of this one, too', async () => {
    const before = (await readdir(join(world.folder, 'outbox'))).length;
    const { end } = await run('gcp/example/missing_table', { gone: 'x' });
    expect(end).toMatchObject({ status: 'FAILED', did_work: false, error: { code: 'template.parameters_invalid' } });
    expect((await readdir(join(world.folder, 'outbox'))).length - before).toBe(1);
  });

  test('no credential for a source elsewhere', async () => {
    expect((await run('gcp/example/foreign')).end.error).toMatchObject({ class: 'credential', code: 'credential.missing' });
  });

  test('a credential that is no service account key', async () => {
    const sealed = await world.keys.seal(
      'credentials',
      { tenantId: 'globex_inc', recordId: 'c1' },
      Buffer.from('{"oops":"sk-very-secret"}'),
    );
    await world.tenant('wrong_key', { credentials: [] });
    const own = await world.keys.seal('credentials', { tenantId: 'wrong_key', recordId: 'c1' }, Buffer.from('{"oops":"sk-very-secret"}'));
    for (const [text, code] of [
      [own, 'credential.shape'],
      [sealed, 'credential.unreadable'],
    ] as const) {
      await world.tenant(`k_${code.split('.')[1]}`, {
        tenant_id: 'wrong_key',
        credentials: [
          {
            credential_id: 'c1',
            provider: 'GCP',
            credential_type: 'service_account',
            credential_name: 'n',
            project_id: null,
            sealed: text,
          },
        ],
      });
      const { end } = await run('gcp/example/foreign', {}, `k_${code.split('.')[1]}`);
      expect(end.error).toMatchObject({ class: 'credential', code });
      expect(JSON.stringify(end)).not.toContain('very-secret');
    }
    expect(executor.output()).not.toContain('very-secret');
  });

  test('data quality: the rule, its counts and a sample are recorded; what comes after does not run', async () => {
    const { runId, end } = await run('gcp/example/bad_quality');
    expect(end.error).toMatchObject({ class: 'data_quality', code: 'dq.failed', step: 'check' });
    expect(end.error?.message).toContain('not_null of name: 1 of 1 rows');
    expect(await steps(runId)).toEqual({ make: 'COMPLETE', check: 'FAILED', never: 'SKIPPED' });
    const results = await world.query(
      `SELECT rule, severity, status, rows_failed, overall_status FROM x_meta_dq_results WHERE pipeline_logging_id = '${runId}' ORDER BY rule`,
      'acme_corp',
    );
    expect(results).toEqual([
      { rule: 'not_null', severity: 'error', status: 'failed', rows_failed: 1, overall_status: 'FAIL' },
      { rule: 'row_count', severity: 'warn', status: 'warned', rows_failed: null, overall_status: 'FAIL' },
    ]);
  });

  test('schema drift: a type that changed is refused with both types, and the table stays as it was', async () => {
    await world.query(
      "CREATE TABLE out_d AS SELECT 1 AS id, 'r' AS x_run_id, 'p' AS x_pipeline_id, CURRENT_TIMESTAMP() AS x_loaded_at",
      'acme_corp',
    );
    expect((await run('gcp/example/drift')).end.error).toMatchObject({
      class: 'schema',
      code: 'step.schema_drift',
      message: 'out_d has other types: id was INT64 and is STRING.',
    });
    expect(await world.query('SELECT id FROM out_d', 'acme_corp')).toEqual([{ id: 1 }]);
  });

  test('a step that would wait for longer than the run has time ends with what it waits for', async () => {
    expect((await run('gcp/example/impatient')).end).toMatchObject({
      status: 'FAILED',
      retryable: true,
      error: { code: 'http.unreachable' },
    });
  });

  test('a timeout ends the run, which names the steps that were under way', async () => {
    const message = 'The run took longer than 0.05 minutes. Under way: count, beside.';
    expect((await run('gcp/example/slow')).end).toMatchObject({
      status: 'FAILED',
      error: { class: 'timeout', code: 'run.timeout', step: 'count', message },
    });
  });

  test('a dataset that was deleted, and a template that was', async () => {
    await world.warehouse.dropDataset('gone_corp');
    expect((await run('gcp/example/dryrun', {}, 'gone_corp')).end).toMatchObject({
      status: 'FAILED',
      error: { code: 'bigquery.not_found' },
    });
    expect((await run('gcp/example/never_was')).end).toMatchObject({
      status: 'FAILED',
      did_work: false,
      error: { code: 'template.not_found' },
    });
  });
});

describe('a run that somebody stops or repeats', () => {
  test('cancelled while it runs (run-cancelled): it ends as CANCELLED and says who', async () => {
    const runId = await world.request('acme_corp', 'gcp/example/waits');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const about = { run_id: runId, tenant_id: 'acme_corp', pipeline_id: 'acme_corp-gcp-example-waits' };
    await world.bus.publish([
      eventMessage(
        runCancelled,
        { ...about, at: new Date().toISOString(), by: 'me', reason: 'Cancelled by me.' },
        { source: 'test', id: randomUUID() },
      ),
    ]);
    expect(await world.end(runId)).toMatchObject({ status: 'CANCELLED', error: { class: 'cancelled', message: 'Cancelled by me.' } });
    expect(await steps(runId)).toEqual({ wait: 'CANCELLED' });
  });

  test('cancelled while a query runs: the query job is stopped in the warehouse too', async () => {
    const jobs = async (): Promise<{ state: string; reason: string | undefined }[]> => {
      const response = await fetch(
        `${world.cloud.env.BIGQUERY_EMULATOR_HOST}/bigquery/v2/projects/convergence-local/jobs?projection=full&allUsers=true`,
      );
      const { jobs = [] } = (await response.json()) as { jobs?: Job[] };
      return jobs
        .filter((job) => job.configuration.query?.query?.includes('GENERATE_ARRAY(1, 100000)'))
        .map((job) => ({ state: job.status.state, reason: job.status.errorResult?.reason }));
    };
    const runId = await world.request('acme_corp', 'gcp/example/heavy');
    await until(async () => (await jobs()).some((job) => job.state === 'RUNNING'));
    const about = { run_id: runId, tenant_id: 'acme_corp', pipeline_id: 'acme_corp-gcp-example-heavy' };
    const data = { ...about, at: new Date().toISOString(), by: 'me', reason: 'Too dear.' };
    await world.bus.publish([eventMessage(runCancelled, data, { source: 'test', id: randomUUID() })]);
    expect(await world.end(runId)).toMatchObject({ status: 'CANCELLED', error: { message: 'Too dear.' } });
    await until(async () => (await jobs()).every((job) => job.state === 'DONE'));
    expect(await jobs()).toEqual([{ state: 'DONE', reason: 'stopped' }]);
    expect(await world.warehouse.columnsOf('acme_corp', 'out_h')).toBeUndefined();
  });

  test('a retry from where it failed keeps what completed, a retry of that retry too; one from the start does it again', async () => {
    const retry = (runId: string, retry_from: string) =>
      run('gcp/example/twice', {}, 'acme_corp', { retry_of: runId, retry_from, trigger_type: 'retry' });
    const made = () => world.query('SELECT a.u AS first, b.u AS kept FROM out_first AS a, out_kept AS b', 'acme_corp');
    const failed = await run('gcp/example/twice');
    expect(failed.end).toMatchObject({ status: 'FAILED', error: { step: 'second' } });
    const first = await made();
    const again = await retry(failed.runId, 'failed');
    expect(again.end).toMatchObject({ status: 'FAILED', error: { step: 'second' } });
    await world.query("CREATE TABLE flag_t AS SELECT 'now' AS x", 'acme_corp');
    const third = await retry(again.runId, 'failed');
    expect(third.end.status).toBe('COMPLETE');
    expect(await made()).toEqual(first);
    expect(await steps(third.runId)).toEqual({ first: 'COMPLETE', kept: 'COMPLETE', second: 'COMPLETE' });
    await retry(failed.runId, 'start');
    expect(await made()).not.toEqual(first);
  });

  test('a worker that is told to go hands its run back, and another one finishes it', async () => {
    const gate = join(world.folder, 'objects', 'gate');
    await rm(gate, { recursive: true, force: true });
    const runId = await world.request('acme_corp', 'gcp/example/waits');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const leaving = executor;
    executor = await world.executor(environment());
    const ended = await leaving.kill('SIGTERM');
    expect(ended).toEqual({ code: 0, signal: null });
    expect(world.ends.get(runId)).toBeUndefined();
    const about = { run_id: runId, tenant_id: 'acme_corp', pipeline_id: 'acme_corp-gcp-example-waits' };
    await world.bus.publish([
      eventMessage(
        runCancelled,
        { ...about, at: new Date().toISOString(), by: 'me', reason: 'Enough.' },
        { source: 'test', id: randomUUID() },
      ),
    ]);
    expect(await world.end(runId, 60_000)).toMatchObject({ status: 'CANCELLED' });
  });
});
