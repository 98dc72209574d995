/** The whole system as `npm start` starts it, on ports and data of its own: what e2e tests stand on. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, isFree, portShare } from '@convergence/testing';
import { signingKey } from '../tools/launcher/data.ts';
import { mintTokens } from '../tools/launcher/identity.ts';
import { plan as makePlan, type ProcessPlan } from '../tools/launcher/plan.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const BASE_PORTS = [8080, 8081, 8082, 8083, 8085, 9050, 9060, 9070];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API says; the test looks at it.
  readonly body: any;
}
export interface System {
  readonly gatewayUrl: string;
  readonly bigqueryUrl: string;
  readonly dataDir: string;
  readonly output: string[];
  /** `headers` may carry a key; paths begin after /api/v1. `at`: another gateway than the launcher's. */
  request(
    method: string,
    path: string,
    options?: { key?: string; admin?: boolean; body?: unknown; headers?: Record<string, string>; at?: string },
  ): Promise<Answer>;
  /** Rows of a query, values as texts. */
  query(sql: string): Promise<Record<string, string | null>[]>;
  /** One more gateway in front of the same services. */
  anotherGateway(): Promise<{ readonly url: string; stop(): Promise<void> }>;
  /** Process ids of the launcher's children by name. */
  pids(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export async function startSystem(env: Record<string, string> = {}): Promise<System> {
  const dataDir = mkdtempSync(join(tmpdir(), 'convergence-e2e-'));
  const offset = await freeOffset();
  const launched = { ...process.env, LOCAL_CLOUD_DATA: dataDir, NO_COLOR: '1', SAMPLE_DATA: 'off', ...env };
  const output: string[] = [];
  const launcher = spawn(process.execPath, [join(root, 'tools/launcher/start.ts')], {
    cwd: root,
    env: { ...launched, PORT_OFFSET: String(offset) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [launcher.stdout, launcher.stderr]) stream.on('data', (data: Buffer) => output.push(data.toString()));
  const gatewayUrl = `http://127.0.0.1:${8080 + offset}`;
  const bigqueryUrl = `http://127.0.0.1:${9050 + offset}`;
  try {
    await until(
      async () => {
        if (launcher.exitCode !== null) throw new Error(`the launcher ended with ${launcher.exitCode}:\n${output.join('')}`);
        return (
          output.join('').includes('Ready in') &&
          (await fetch(`${gatewayUrl}/readyz`).then(
            (r) => r.ok,
            () => false,
          ))
        );
      },
      90_000,
      () => `the system is not ready:\n${output.join('').slice(-5000)}`,
    );
  } catch (error) {
    await end(launcher);
    throw error;
  }
  return {
    gatewayUrl,
    bigqueryUrl,
    dataDir,
    output,
    async request(method, path, { key, admin, body, headers, at = gatewayUrl } = {}) {
      const response = await fetch(`${at}/api/v1${path}`, {
        method,
        headers: {
          ...(key && { 'x-api-key': key }),
          ...(admin && { 'x-admin-key': 'dev-admin-key' }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
    },
    async query(sql) {
      const response = await fetch(`${bigqueryUrl}/bigquery/v2/projects/convergence-local/queries`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: sql, useLegacySql: false, timeoutMs: 120_000 }),
      });
      const body = (await response.json()) as QueryResponse;
      if (!response.ok || !body.schema) throw new Error(`${sql}\n${JSON.stringify(body)}`);
      const { fields } = body.schema;
      return (body.rows ?? []).map((row) => Object.fromEntries(row.f.map((cell, i) => [fields[i]?.name ?? String(i), cell.v])));
    },
    async anotherGateway() {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const secrets = { signingKey: signingKey(dataDir), token: await mintTokens(dataDir) };
      const { services } = makePlan(root, { ...launched, PORT_OFFSET: String(offset) }, secrets, existsSync);
      const gateway = services.find(({ name }) => name === 'gateway') as ProcessPlan;
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', gateway.main], {
        env: { ...gateway.env, PORT: String(port) },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      await ready(url, 30_000);
      return { url, stop: () => end(child) };
    },
    async pids() {
      const lines = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(launcher.pid)])
        .toString()
        .trim()
        .split('\n');
      return Object.fromEntries(lines.map((line) => [/apps\/([\w-]+)\/src\/main\.ts/.exec(line)?.[1] ?? line, Number.parseInt(line, 10)]));
    },
    async stop() {
      await end(launcher);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The gateway there serves. */
export const ready = (gatewayUrl: string, milliseconds: number): Promise<void> =>
  until(
    () =>
      fetch(`${gatewayUrl}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    milliseconds,
    () => `the gateway at ${gatewayUrl} is not ready`,
  );

interface QueryResponse {
  readonly schema?: { readonly fields: readonly { readonly name: string }[] };
  readonly rows?: readonly { readonly f: readonly { readonly v: string | null }[] }[];
}

export async function until(condition: () => Promise<boolean> | boolean, milliseconds: number, why: () => string): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(why());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function end(launcher: ChildProcess): Promise<void> {
  if (launcher.exitCode !== null) return;
  const closed = new Promise((resolve) => launcher.once('close', resolve));
  launcher.kill('SIGINT');
  const late = setTimeout(() => launcher.kill('SIGKILL'), 15_000);
  await closed;
  clearTimeout(late);
}

/** An offset at which every port of the system is free, with all of them in this worker's share. */
async function freeOffset(): Promise<number> {
  const { first, count } = portShare();
  const lowest = Math.min(...BASE_PORTS);
  const room = count - (Math.max(...BASE_PORTS) - lowest);
  for (let attempt = 0; attempt < 50; attempt++) {
    const offset = first - lowest + Math.floor(Math.random() * room);
    const free = await Promise.all(BASE_PORTS.map((port) => isFree(port + offset)));
    if (free.every(Boolean)) return offset;
  }
  throw new Error('no free ports');
}
