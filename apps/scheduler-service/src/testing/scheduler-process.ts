/**
 * scheduler-service as a process of its own against a running local-cloud, provisioned first, with an admission that says yes to all.
 * It can be killed, and started again.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Principal, RunSpec } from '@convergence/contracts';
import { type GoogleConfig, googleBus, googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner } from '@convergence/journal';
import { internalClient, TokenSigner } from '@convergence/service';
import { provisionTables, SLICES } from '@convergence/tables';
import { freePort } from '@convergence/testing';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const CONFIGS = fileURLToPath(new URL('../../../../configs', import.meta.url));
/** As the launcher starts it. */
const SMALL_HEAP = ['--max-semi-space-size=4', '--optimize-for-size'];
const SIGNING_KEY = 'a-signing-key-for-tests-that-is-long-enough';

/** Topics, tables and the owner's row, as the launcher makes them; and the bus to publish by. */
export async function provisionedCell(env: Readonly<Record<string, string>>) {
  const google: GoogleConfig = { project: 'convergence-local', location: 'US', hosts: hostsFrom(env) };
  const warehouse = googleWarehouse(google);
  const bus = googleBus(google);
  await Promise.all([bus.provision(), provisionTables({ warehouse, dataset: 'tenants', location: 'US' })]);
  await provisionOwner(warehouse, 'tenants', SLICES['scheduler-service']);
  return {
    bus,
    sql: async (text: string) => (await warehouse.run({ sql: text })).rows,
    close: async () => {
      await Promise.all([bus.close(), warehouse.close()]);
    },
  };
}

/** Says yes to every run and remembers each request. */
export async function openAdmission(heard: (runs: readonly RunSpec[]) => void = () => undefined) {
  const asked: RunSpec[][] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { runs = [] } = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { runs?: RunSpec[] };
      asked.push(runs);
      heard(runs);
      const decisions = runs.map(({ run_id }) => ({ run_id, outcome: 'admitted', admitted_at: new Date().toISOString() }));
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ decisions }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  };
}

export async function startSchedulerProcess(env: Readonly<Record<string, string>>, admissionUrl: string, own: Record<string, string> = {}) {
  const port = await freePort();
  const child: ChildProcess = spawn(process.execPath, [...SMALL_HEAP, '--no-warnings', MAIN], {
    env: {
      ...process.env,
      ...env,
      PORT: String(port),
      HOST: '127.0.0.1',
      INTERNAL_SIGNING_KEY: SIGNING_KEY,
      TENANT_SERVICE_URL: admissionUrl,
      CONFIGS_DIR: CONFIGS,
      CHECKPOINT_SECONDS: '0.5',
      REFRESH_SECONDS: '0.5',
      LOG_LEVEL: 'info',
      ...own,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-50_000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${port}`;
  const ready = () =>
    fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
  for (let tries = 0; !(await ready()); tries += 1) {
    if (child.exitCode !== null || tries > 1200) throw new Error(`scheduler-service did not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const client = internalClient({
    target: 'scheduler-service',
    baseUrl: url,
    signer: new TokenSigner('gateway', { keys: [SIGNING_KEY] }),
    timeoutMs: 60_000,
  });
  return {
    pid: child.pid as number,
    output: () => output,
    // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
    ask: <T = any>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, as: Principal = { kind: 'admin' }) =>
      client.call<T>({
        method,
        path: path.startsWith('/internal') ? path : `/api/v1${path}`,
        principal: as,
        ...(body !== undefined && { body }),
      }),
    async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      process.removeListener('exit', atExit);
    },
  };
}
export type SchedulerProcess = Awaited<ReturnType<typeof startSchedulerProcess>>;
