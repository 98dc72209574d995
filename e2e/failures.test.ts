/**
 * What goes wrong in a run, seen by its tenant: the run says what happened and what to do, counts once, holds no place any more, one
 * e-mail tells of it, and another tenant notices nothing.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Answer, type System, startSystem, until } from './system.ts';

const FAILING = 'failing_inc';
const OTHER = 'other_corp';
const GONE = 'gone_corp';
const keys: Record<string, string> = {};
const configs = mkdtempSync(join(tmpdir(), 'convergence-failures-'));
let system: System;
let provider: Server;
let waiting: ServerResponse | undefined;

/** A provider that answers by its path as providers do on bad days. */
function answer(path: string, response: ServerResponse): void {
  const json = (status: number, body: unknown, headers = {}) => response.writeHead(status, headers).end(JSON.stringify(body));
  const one = { data: [{ a: 'x' }] };
  if (path === '/revoked') json(401, { error: 'invalid_api_key' });
  else if (path === '/busy') json(429, {}, { 'retry-after': '0' });
  else if (path === '/broken') json(500, {}, { 'retry-after': '0' });
  else if (path === '/cut') response.writeHead(200).end(JSON.stringify(one).slice(0, -4));
  else if (path === '/torn') response.writeHead(200, { 'content-length': '1000' }).write('{"data":[', () => response.destroy());
  else if (path === '/nowhere') json(200, { ...one, has_more: true });
  else if (path === '/large') response.writeHead(200).end(`{"data":["${'x'.repeat(70 * 2 ** 20)}"]}`);
  else if (path === '/slow') waiting = response;
}
function template(name: string, steps: string, more = ''): void {
  const head = `name: ${name}\ndescription: ${name}\nprovider: openai\ndomain: example\nversion: 1\nnotify: { on_failure: [email], on_success: [email] }\n`;
  writeFileSync(join(configs, `openai/example/${name}.yml`), `${head}${more}steps:\n${steps}\n`);
}
const query = (sql: string) => `  - { id: work, type: bigquery.query, with: { sql: "${sql}", to: out_t } }`;
const extract = (path: string, more = '') =>
  `  - { id: work, type: http.extract, with: { url: "http://127.0.0.1:${(provider.address() as AddressInfo).port}${path}", records: data, columns: { a: { path: a, type: STRING } }, to: out_t${more} }, retry: { max_attempts: 1 } }`;

const LARGE =
  'SELECT ARRAY_LENGTH(ARRAY_AGG(a * 100000 + b)) AS n FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS a, UNNEST(GENERATE_ARRAY(1, 10000)) AS b';
interface Line {
  readonly what: string;
  readonly steps: () => string;
  readonly code: string;
  readonly message: RegExp;
  readonly hint: RegExp;
  readonly more?: string;
  readonly tenant?: string;
}
const LINES: readonly Line[] = [
  {
    what: 'no credential',
    steps: () => extract('/revoked', ', auth: { type: bearer, token: api_key }'),
    tenant: OTHER,
    code: 'credential.missing',
    message: /no OPENAI credential/,
    hint: /\/tenants\/other_corp\/credentials/,
  },
  {
    what: 'a wrong credential',
    steps: () => extract('/revoked', ', auth: { type: bearer, token: api_key }'),
    code: 'http.unauthorized',
    message: /does not accept the credential/,
    hint: /store a new one/,
  },
  {
    what: 'a missing table',
    steps: () => query('SELECT * FROM no_such_t'),
    code: 'bigquery.not_found',
    message: /no_such_t/,
    hint: /Check the name/,
  },
  {
    what: 'schema drift',
    steps: () => query("SELECT 'x' AS drifted").replace('out_t', 'drift_t'),
    code: 'step.schema_drift',
    message: /drifted was INT64 and is STRING/,
    hint: /./,
  },
  {
    what: 'a provider that is busy',
    steps: () => extract('/busy'),
    code: 'http.rate_limit',
    message: /limits the rate/,
    hint: /was tried .*: retry the run later/,
  },
  {
    what: 'a provider that is broken',
    steps: () => extract('/broken'),
    code: 'http.server_error',
    message: /answered 500/,
    hint: /was tried .*: retry the run later/,
  },
  { what: 'a page that is cut short', steps: () => extract('/cut'), code: 'http.not_json', message: /not JSON/, hint: /cut short/ },
  {
    what: 'a connection that breaks within a page',
    steps: () => extract('/torn'),
    code: 'http.cut_short',
    message: /broke off/,
    hint: /was tried .*: retry the run later/,
  },
  {
    what: 'a page that promises a next one and does not name it',
    steps: () => extract('/nowhere', ', pagination: { type: token, next: next_page, parameter: page, has_more: has_more }'),
    code: 'http.next_missing',
    message: /./,
    hint: /./,
  },
  {
    what: 'data that fails its check',
    steps: () =>
      `${query('SELECT CAST(NULL AS STRING) AS name')}\n  - { id: check, type: dq.check, with: { table: out_t, rules: [{ rule: not_null, column: name }] } }`,
    code: 'dq.failed',
    message: /not_null of name: 1 of 1 rows/,
    hint: /./,
  },
  {
    what: 'a run that takes too long',
    steps: () => extract('/never'),
    more: 'timeout_minutes: 0.03\n',
    code: 'run.timeout',
    message: /longer than 0.03 minutes/,
    hint: /more time/,
  },
  {
    what: 'a query that needs more memory than there is',
    steps: () => query(LARGE),
    code: 'bigquery.resources_exceeded',
    message: /memory/,
    hint: /smaller units/,
  },
  {
    what: 'a page that is too large for memory',
    steps: () => extract('/large'),
    code: 'http.page_too_large',
    message: /larger than 64 MB/,
    hint: /smaller pages/,
  },
  {
    what: 'a dataset that was deleted',
    steps: () => query('SELECT 1 AS n'),
    tenant: GONE,
    code: 'bigquery.not_found',
    message: /gone_corp/,
    hint: /deleted/,
  },
];

beforeAll(async () => {
  provider = createServer((request, response) => answer((request.url ?? '').split('?')[0] as string, response));
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  cpSync(fileURLToPath(new URL('../configs', import.meta.url)), configs, { recursive: true });
  for (const [n, { steps, more }] of LINES.entries()) template(`line_${n}`, steps(), more);
  template('long', extract('/slow'));
  system = await startSystem({ CONFIGS_DIR: configs, RATE_LIMIT_PER_MINUTE: '10000' });
  for (const tenant_id of [FAILING, OTHER, GONE]) {
    const body = {
      tenant_id,
      company_name: tenant_id,
      admin_email: `a@${tenant_id.replace('_', '-')}.example`,
      subscription_plan: 'SCALE',
      run_dryrun: false,
    };
    keys[tenant_id] = (await system.request('POST', '/tenants/onboard', { body })).body.api_key;
  }
  const credential = { provider: 'OPENAI', credential_name: 'main', credentials: { api_key: 'sk-revoked-long-ago' } };
  await system.request('POST', `/tenants/${FAILING}/credentials`, { key: keys[FAILING] as string, body: credential });
  await system.query(
    `CREATE TABLE ${FAILING}.drift_t AS SELECT 1 AS drifted, 'r' AS x_run_id, 'p' AS x_pipeline_id, CURRENT_TIMESTAMP() AS x_loaded_at`,
  );
  await system.query(`DROP SCHEMA ${GONE} CASCADE`).catch((error: Error) => {
    if (!/"schema"|jobComplete/.test(error.message)) throw error;
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  provider?.closeAllConnections();
  provider?.close();
  rmSync(configs, { recursive: true, force: true });
}, 30_000);

async function start(tenant: string, path: string): Promise<string> {
  const started = await system.request('POST', `/pipelines/run/${tenant}/${path}`, { key: keys[tenant] as string, body: {} });
  expect(started).toMatchObject({ status: 200, body: { status: 'PENDING' } });
  return started.body.pipeline_logging_id;
}
async function ended(tenant: string, runId: string) {
  const ask = async () => (await system.request('GET', `/pipelines/runs/${runId}`, { key: keys[tenant] as string })).body;
  let run = await ask();
  const over = async () => {
    run = await ask();
    return ['COMPLETE', 'FAILED', 'CANCELLED'].includes(run.status);
  };
  await until(over, 60_000, () => `${JSON.stringify(run)}\n${system.output.join('').slice(-4000)}`);
  return run;
}
const mailsAbout = (runId: string): string[] =>
  readdirSync(join(system.dataDir, 'outbox'))
    .map((file) => readFileSync(join(system.dataDir, 'outbox', file), 'utf8').replaceAll('=\r\n', ''))
    .filter((mail) => mail.includes(runId));
const quota = async (tenant: string) => {
  const { body } = await system.request('GET', `/tenants/${tenant}/quota`, { key: keys[tenant] as string });
  return { today: body.pipelines_run_today as number, running: body.concurrent_pipelines_running as number };
};

test.each(LINES.map((line, n) => ({ ...line, n })))(
  '$what',
  async ({ n, tenant = FAILING, code, message, hint }) => {
    const before = await quota(tenant);
    const bystander = tenant === OTHER ? FAILING : OTHER;
    const bystanderBefore = await quota(bystander);
    const [failed, other] = await Promise.all([start(tenant, `openai/example/line_${n}`), start(bystander, 'gcp/example/dryrun')]);

    const run = await ended(tenant, failed);
    expect(run).toMatchObject({
      status: 'FAILED',
      error: { code, message: expect.stringMatching(message), hint: expect.stringMatching(hint) },
    });
    expect(JSON.stringify(run)).not.toContain('sk-revoked');
    expect(await ended(bystander, other)).toMatchObject({ status: 'COMPLETE', error: null });

    await until(
      async () => (await quota(tenant)).running === 0,
      10_000,
      () => 'the place is still taken',
    );
    expect(await quota(tenant)).toEqual({ today: before.today + 1, running: 0 });
    expect((await quota(bystander)).today).toBe(bystanderBefore.today + 1);
    const mails = mailsAbout(failed);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatch(message);
    expect(mails[0]).toMatch(hint);
    expect(mailsAbout(other)).toEqual([]);
  },
  90_000,
);

test('a template that is deleted while a run of it works: the run goes on as it began; the next one is refused', async () => {
  const runId = await start(FAILING, 'openai/example/long');
  await until(
    () => waiting !== undefined,
    20_000,
    () => 'the run never asked the provider',
  );
  rmSync(join(configs, 'openai/example/long.yml'));
  const key = keys[FAILING] as string;
  const served = async () => (await system.request('GET', '/pipelines/templates/openai/example/long', { key })).status;
  await until(
    async () => (await served()) === 404,
    20_000,
    () => 'the template is still served',
  );
  // The gateway looks at the folder by itself; until it has, it answers with the run that is live.
  let next: Answer | undefined;
  await until(
    async () => {
      next = await system.request('POST', `/pipelines/run/${FAILING}/openai/example/long`, { key, body: {} });
      return next.status !== 200;
    },
    20_000,
    () => `the gateway still takes it: ${JSON.stringify(next?.body)}`,
  );
  expect(next?.body).toMatchObject({
    code: 'template.not_found',
    detail: expect.stringContaining('configs/openai/example/long.yml'),
  });
  waiting?.end(JSON.stringify({ data: [{ a: 'x' }] }));
  expect(await ended(FAILING, runId)).toMatchObject({
    status: 'COMPLETE',
    error: null,
    template_version: 1,
    template_hash: expect.any(String),
  });
  await until(
    async () => (await quota(FAILING)).running === 0,
    10_000,
    () => 'the place is still taken',
  );
  expect(mailsAbout(runId)).toHaveLength(1);
}, 60_000);
