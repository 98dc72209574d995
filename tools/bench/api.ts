/**
 * The API from outside: every process on this machine, started here on ports and data of its own.
 *
 *   npm run bench -- api            BENCH_SECONDS=10  PORT_OFFSET=500
 *
 * Asked at a fixed rate (an answer's time counts from when it was due, so waiting in line is not hidden), then as fast as it goes.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiKeys } from '../../apps/gateway/src/auth/api-keys.ts';
import { authenticator } from '../../apps/gateway/src/auth/authenticate.ts';
import { HttpConnections } from './load/http-connections.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const OFFSET = Number(process.env.PORT_OFFSET ?? 500);
const PORT = 8080 + OFFSET;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const CONNECTIONS = 32;
const ADMIN_KEY = 'bench-admin-key';
const TENANTS = 40;

const http = new HttpConnections(PORT, CONNECTIONS);
const stop = await startAll();
try {
  await onboarding();
  const keys = await tenants();
  await quota(keys);
  await admission(keys);
  await authentication();
} finally {
  http.close();
  await stop();
}

interface Tenant {
  readonly id: string;
  readonly key: string;
}

function onboard(id: string) {
  const body = {
    tenant_id: id,
    company_name: `Company ${id}`,
    admin_email: `ops@${id.replaceAll('_', '-')}.example`,
    subscription_plan: 'SCALE',
    run_dryrun: false,
  };
  return http.ask('POST', '/api/v1/tenants/onboard', {}, JSON.stringify(body));
}

async function onboarding(): Promise<void> {
  const began = performance.now();
  let made = 0;
  const count = Math.max(20, SECONDS * 20);
  const results = await http.flood(count, (n) => onboard(`made_${n}`));
  made = results.filter(({ status, text }) => status === 200 && JSON.parse(text).dataset_created).length;
  report(
    'onboarding with dataset and tables',
    made / ((performance.now() - began) / 1000),
    20,
    results,
    'BigQuery metadata calls and views of local-cloud',
  );
}

async function tenants(): Promise<Tenant[]> {
  const made: Tenant[] = [];
  for (let n = 0; n < TENANTS; n++) {
    const id = `bench_${n}`;
    const { status, text } = await onboard(id);
    if (status !== 200) throw new Error(`onboarding ${id}: ${status} ${text}`);
    const limits = { max_pipelines_per_day: 1_000_000, max_pipelines_per_month: 1_000_000, max_concurrent_pipelines: 1_000_000 };
    const changed = await http.ask('PATCH', `/api/v1/tenants/${id}/subscription`, { 'x-admin-key': ADMIN_KEY }, JSON.stringify(limits));
    if (changed.status !== 200) throw new Error(`limits of ${id}: ${changed.status} ${changed.text}`);
    made.push({ id, key: JSON.parse(text).api_key });
  }
  return made;
}

async function quota(all: readonly Tenant[]): Promise<void> {
  const ask = (n: number) => {
    const { id, key } = all[n % all.length] as Tenant;
    return http.ask('GET', `/api/v1/tenants/${id}/quota`, { 'x-api-key': key });
  };
  await http.flood(2000, ask);
  const fixed = await http.atRate(2000, SECONDS, ask);
  report(
    'GET quota asked 2 000 times a second',
    fixed.length / SECONDS,
    2000,
    fixed,
    'two HTTP hops on two cores shared with this load',
    25,
  );
  const began = performance.now();
  const flood = await http.flood(2000 * SECONDS, ask);
  report(
    `GET quota as fast as ${CONNECTIONS} connections ask`,
    flood.length / ((performance.now() - began) / 1000),
    2000,
    flood,
    'CPU of gateway and tenant-service',
  );
}

async function admission(all: readonly Tenant[]): Promise<void> {
  const day = (n: number) => new Date(Date.UTC(2000, 0, 1 + n)).toISOString().slice(0, 10);
  const run = (n: number) => {
    const { id, key } = all[n % all.length] as Tenant;
    return http.ask(
      'POST',
      `/api/v1/pipelines/run/${id}/gcp/example/dryrun`,
      { 'x-api-key': key },
      JSON.stringify({ date: day(Math.floor(n / all.length)) }),
    );
  };
  const fixed = await http.atRate(800, SECONDS, run);
  report(
    'admission asked 800 times a second',
    fixed.length / SECONDS,
    800,
    fixed,
    'journal appends, and the executor working on what was admitted',
  );
  const began = performance.now();
  const flood = await http.flood(800 * SECONDS, (n) => run(n + 800 * SECONDS));
  report(
    `admission as fast as ${CONNECTIONS} connections ask`,
    flood.length / ((performance.now() - began) / 1000),
    800,
    flood,
    'the same',
  );
}

async function authentication(): Promise<void> {
  const key = { api_key_id: 'k', tenant_id: 'acme_corp', scopes: ['tenant:read'], expires_at: null, tenant_status: 'ACTIVE' as const };
  const apiKeys = new ApiKeys({ lookup: async () => ({ key }), now: Date.now });
  const admins = { verify: async () => undefined };
  const authenticate = authenticator({ apiKeys, admins, onboarding: 'open', disabled: false, used: () => undefined });
  const headers: Record<string, string> = { 'x-api-key': 'acme_corp_api_0123456789abcdef0123456789abcdef' };
  const request = { header: (name: string) => headers[name] ?? '', pathTenant: 'acme_corp' };
  const times: number[] = [];
  for (let n = 0; n < 100_000; n++) {
    const began = performance.now();
    await authenticate({ auth: 'tenant', scope: 'tenant:read' }, request);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  console.log(
    `\nauthentication of a remembered key: p50 ${times[50_000]?.toFixed(4)} ms, p99 ${times[99_000]?.toFixed(4)} ms (limit 0.2 ms); bound by one SHA-256`,
  );
}

function report(
  title: string,
  perSecond: number,
  wanted: number,
  results: readonly { status: number; ms: number; text: string }[],
  bound: string,
  p99Limit?: number,
): void {
  const times = results.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1);
  const good = results.filter(({ status }) => status === 200).length;
  console.log(`\n${title}: ${perSecond.toFixed(0)}/s (wanted ${wanted}/s)`);
  console.log(`  p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  p99 ${at(0.99)} ms${p99Limit ? ` (limit ${p99Limit} ms)` : ''}  max ${at(1)} ms`);
  console.log(`  bound by: ${bound}`);
  if (good < results.length) {
    const other = results.find(({ status }) => status !== 200);
    console.log(`  ${results.length - good} of ${results.length} were not 200, such as ${other?.status} ${other?.text.slice(0, 300)}`);
  }
}

async function startAll(): Promise<() => Promise<void>> {
  const data = mkdtempSync(join(tmpdir(), 'bench-api-'));
  const env = {
    ...process.env,
    LOCAL_CLOUD_DATA: data,
    PORT_OFFSET: String(OFFSET),
    ADMIN_API_KEY: ADMIN_KEY,
    RATE_LIMIT_PER_MINUTE: '1000000',
    LOG_LEVEL: 'warn',
  };
  const launcher = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'tools/launcher/start.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    launcher.stdout.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-20_000);
      if (/^Ready in/m.test(said)) resolve();
    });
    launcher.once('exit', () => reject(new Error(`the launcher ended:\n${said}`)));
  });
  return async () => {
    const ended = new Promise((resolve) => launcher.once('exit', resolve));
    launcher.kill('SIGINT');
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
}
