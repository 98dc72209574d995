/**
 * tenant-service as a process of its own against a running local-cloud, provisioned first. It can be killed, and started again beside
 * itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Principal, ServiceName } from '@convergence/contracts';
import { defaultKeks, type GoogleConfig, googleBus, googleKeys, googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner } from '@convergence/journal';
import type { Row, Warehouse } from '@convergence/ports';
import { type InternalClient, internalClient, TokenSigner } from '@convergence/service';
import { provisionTables } from '@convergence/tables';
import { freePort } from '@convergence/testing';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
export const SIGNING_KEY = 'a-signing-key-for-tests-that-is-long-enough';

export interface TenantProcess {
  readonly url: string;
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  ask<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown, as?: Principal, from?: ServiceName): Promise<T>;
  kill(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

export interface Cell {
  readonly google: GoogleConfig;
  readonly warehouse: Warehouse;
  sql(text: string): Promise<readonly Row[]>;
  close(): Promise<void>;
}

/** Topics, keys, tables and the owner's row, as the launcher makes them. */
export async function provisionedCell(env: Readonly<Record<string, string>>): Promise<Cell> {
  const google: GoogleConfig = { project: 'convergence-local', location: 'US', hosts: hostsFrom(env) };
  const warehouse = googleWarehouse(google);
  const bus = googleBus(google);
  const keys = googleKeys(google, { keks: defaultKeks(google) });
  await Promise.all([bus.provision(), keys.provision(), provisionTables({ warehouse, dataset: 'tenants', location: 'US' })]);
  await provisionOwner(warehouse, 'tenants', 'tenants');
  await Promise.all([bus.close(), keys.close()]);
  return {
    google,
    warehouse,
    sql: async (text) => (await warehouse.run({ sql: text })).rows,
    close: () => warehouse.close(),
  };
}

export async function startTenantProcess(
  env: Readonly<Record<string, string>>,
  port?: number,
  nodeOptions: readonly string[] = [],
): Promise<TenantProcess> {
  const mailOutbox = await mkdtemp(join(tmpdir(), 'tenant-process-'));
  const own = port ?? (await freePort());
  const settings = {
    CHECKPOINT_SECONDS: '0.5',
    REFRESH_SECONDS: '1',
    ...env,
    PORT: String(own),
    HOST: '127.0.0.1',
    INTERNAL_SIGNING_KEY: SIGNING_KEY,
    DRYRUN_WAIT_SECONDS: '0',
    LOG_LEVEL: 'info',
    MAIL_OUTBOX: mailOutbox,
  };
  const child: ChildProcess = spawn(process.execPath, [...nodeOptions, '--no-warnings', MAIN], {
    env: { ...process.env, ...settings },
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
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const url = `http://127.0.0.1:${own}`;
  for (let tries = 0; !(await ready(url)); tries += 1) {
    if (child.exitCode !== null || tries > 2_400) throw new Error(`tenant-service did not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const clients = new Map<ServiceName, InternalClient>();
  const clientOf = (from: ServiceName): InternalClient => {
    const client =
      clients.get(from) ??
      internalClient({ target: 'tenant-service', baseUrl: url, signer: new TokenSigner(from, { keys: [SIGNING_KEY] }), timeoutMs: 60_000 });
    clients.set(from, client);
    return client;
  };
  return {
    url,
    pid: child.pid as number,
    env: settings,
    output: () => output,
    exited,
    ask: (method, path, body, as = { kind: 'admin' }, from = 'gateway') =>
      clientOf(from).call({
        method,
        path: path.startsWith('/internal') ? path : `/api/v1${path}`,
        principal: as,
        ...(body !== undefined && { body }),
      }),
    async kill(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      process.removeListener('exit', atExit);
      await rm(mailOutbox, { recursive: true, force: true });
    },
  };
}

const ready = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
