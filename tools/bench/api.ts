/**
 * The API from outside: every process on this machine, started here on ports and data of its own.
 *
 *   npm run bench -- api [onboarding] [quota] [admission] [authentication]            BENCH_SECONDS=10  PORT_OFFSET=500
 *
 * Asked at a fixed rate (an answer's time counts from when it was due, so waiting in line is not hidden), then as fast as it goes.
 * Beside each figure stands what an answer cost each process in CPU time: that is what bounds it. Admission is asked once while the
 * executor is stopped, so that what was admitted waits in the broker, and once while it works on one run at a time.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiKeys } from '../../apps/gateway/src/auth/api-keys.ts';
import { authenticator } from '../../apps/gateway/src/auth/authenticate.ts';
import { type Answered, HttpConnections } from './load/http-connections.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const OFFSET = Number(process.env.PORT_OFFSET ?? 500);
const PORT = 8080 + OFFSET;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const CONNECTIONS = 32;
/** Processes that idled switch to full speed and are compiled within these; what setting up left to write is written. */
const WARM_UP_SECONDS = 8;
const ADMIN_KEY = 'bench-admin-key';
const TENANTS = 40;
const asked = process.argv.slice(2);
const wanted = (part: string) => asked.length === 0 || asked.includes(part);

const http = new HttpConnections(PORT, CONNECTIONS);
const { stop, launcherPid } = await startAll();
try {
  if (wanted('onboarding')) await onboarding();
  const keys = wanted('quota') || wanted('admission') ? await tenants() : [];
  if (wanted('quota')) await quota(keys);
  if (wanted('admission')) await admission(keys);
  if (wanted('authentication')) await authentication();
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
  const made = await measured(() => http.flood(SECONDS * 20, (n) => onboard(`made_${n}`)));
  const lacking = made.answers.filter(({ status, text }) => status === 200 && !JSON.parse(text).dataset_created).length;
  report('onboarding with dataset and tables', made, { perSecond: 20 });
  if (lacking > 0) console.log(`  ${lacking} were answered before their dataset was there`);
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
  await http.atRate(2000, WARM_UP_SECONDS, ask);
  const asked = await measured(() => http.atRate(2000, 3 * SECONDS, ask));
  report(`GET quota asked 2 000 times a second, after ${WARM_UP_SECONDS} s of the same`, asked, { perSecond: 2000, p99: 25 });
  reportSeconds(asked.answers, 2000);
  report(`GET quota as fast as ${CONNECTIONS} connections ask`, await measured(() => http.flood(2000 * SECONDS, ask)), { perSecond: 2000 });
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
  const some = 800 * SECONDS;
  const executor = [...children()].find(([, name]) => name === 'executor-service')?.[0];
  if (!executor) throw new Error('there is no executor-service');
  process.kill(executor, 'SIGSTOP');
  report('admission asked 800 times a second', await measured(() => http.atRate(800, SECONDS, run)), { perSecond: 800 });
  report(`admission as fast as ${CONNECTIONS} connections ask`, await measured(() => http.flood(some, (n) => run(n + some))), {
    perSecond: 800,
  });
  process.kill(executor, 'SIGCONT');
  report(`the same while runs are executed`, await measured(() => http.flood(some, (n) => run(n + 2 * some))), { perSecond: 800 });
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

interface Measured {
  readonly answers: readonly Answered[];
  readonly seconds: number;
  /** Cores used, by process. */
  readonly cores: ReadonlyMap<string, number>;
}

async function measured(work: () => Promise<Answered[]>): Promise<Measured> {
  const before = cpuSeconds();
  const began = performance.now();
  const answers = await work();
  const seconds = (performance.now() - began) / 1000;
  const cores = new Map([...cpuSeconds()].map(([name, used]) => [name, (used - (before.get(name) ?? 0)) / seconds]));
  return { answers, seconds, cores };
}

function report(title: string, { answers, seconds, cores }: Measured, wanted: { perSecond: number; p99?: number }): void {
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1);
  console.log(`\n${title}: ${(answers.length / seconds).toFixed(0)}/s answered (wanted ${wanted.perSecond}/s)`);
  console.log(
    `  p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  p99 ${at(0.99)} ms${wanted.p99 ? ` (limit ${wanted.p99} ms)` : ''}  max ${at(1)} ms`,
  );
  console.log(`  bound by CPU time: ${boundOf(answers.length / seconds, cores)}; load of the machine ${loadavg()[0]?.toFixed(1)}`);
  const bad = answers.filter(({ status }) => status !== 200);
  if (bad.length > 0)
    console.log(`  ${bad.length} of ${answers.length} were not 200, such as ${bad[0]?.status} ${bad[0]?.text.slice(0, 300)}`);
}

/** Where in time the slow ones lie, and what the load itself came late with: that counts as if it had been waited for. */
function reportSeconds(answers: readonly Answered[], perSecond: number): void {
  const p99 = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN;
  const seconds = Array.from({ length: answers.length / perSecond }, (_, n) => answers.slice(n * perSecond, (n + 1) * perSecond));
  console.log(`  p99 of each second, ms: ${seconds.map((second) => p99(second.map(({ ms }) => ms)).toFixed(0)).join(' ')}`);
  console.log(`  asked late by p99 ${p99(answers.map(({ late = 0 }) => late)).toFixed(1)} ms`);
}

/** What an answer costs each process, and what the machine could give at most: with one thread a process, and with all its cores. */
function boundOf(perSecond: number, cores: Measured['cores']): string {
  const each = [...cores].map(([name, used]) => ({ name, ms: (used / perSecond) * 1000 })).filter(({ ms }) => ms >= 0.01);
  const most = each.reduce((a, b) => (a.ms > b.ms ? a : b));
  const sum = each.reduce((total, { ms }) => total + ms, 0);
  const cpus = availableParallelism();
  const ceiling = Math.min(1000 / most.ms, (cpus * 1000) / sum);
  const costs = each.map(({ name, ms }) => `${name} ${ms.toFixed(2)}`).join(', ');
  return `ms an answer: ${costs}; together ${sum.toFixed(2)}, so at most ${ceiling.toFixed(0)}/s on ${cpus} cores`;
}

/** This process and each child of the launcher. */
function children(): Map<number, string> {
  const found = new Map([[process.pid, 'this bench']]);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const app = /apps\/([\w-]+)\/src\/main\.ts/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1];
      if (app && Number(statOf(pid)[1]) === launcherPid) found.set(Number(pid), app);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** The fields of /proc/PID/stat after the command's name. */
function statOf(pid: number | string): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** CPU time used so far, by process. */
function cpuSeconds(): Map<string, number> {
  return new Map([...children()].map(([pid, name]) => [name, (Number(statOf(pid)[11]) + Number(statOf(pid)[12])) / 100]));
}

async function startAll(): Promise<{ stop: () => Promise<void>; launcherPid: number }> {
  const data = mkdtempSync(join(tmpdir(), 'bench-api-'));
  const env = {
    ...process.env,
    LOCAL_CLOUD_DATA: data,
    PORT_OFFSET: String(OFFSET),
    ADMIN_API_KEY: ADMIN_KEY,
    RATE_LIMIT_PER_MINUTE: '1000000',
    CONCURRENCY: '1',
    LOG_LEVEL: 'warn',
    SAMPLE_DATA: 'off',
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
  const stop = async () => {
    const ended = new Promise((resolve) => launcher.once('exit', resolve));
    launcher.kill('SIGINT');
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  return { stop, launcherPid: launcher.pid as number };
}
