/** local-cloud as a process of its own on free ports with a temporary data directory, for tests: it can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StartedProcess {
  readonly dataDir: string;
  /** Keep their ports over restarts. */
  readonly addresses: Readonly<Record<'pubsub' | 'bigquery' | 'storage' | 'kms', string>>;
  readonly pid: number;
  readonly stderr: () => string;
  /** A control endpoint call; answers the parsed body. */
  control(method: string, path: string, body?: unknown): Promise<unknown>;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGTERM; answers the exit code and how long it took. */
  stop(): Promise<{ readonly code: number | null; readonly ms: number }>;
  /** Stops it and removes its data. */
  dispose(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Compiled code, shared with the launcher. Written at an orderly stop; halves the time to start, which is most of what a kill costs. */
const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/compile', import.meta.url));

export async function startProcess(env: Readonly<Record<string, string>> = {}): Promise<StartedProcess> {
  const dataDir = mkdtempSync(join(tmpdir(), 'local-cloud-test-'));
  let child: ChildProcess;
  let stderr = '';
  let ports: Record<string, string> = { PUBSUB_PORT: '0', BIGQUERY_PORT: '0', BIGQUERY_STORAGE_PORT: '0', KMS_PORT: '0' };
  let addresses = { pubsub: '', bigquery: '', storage: '', kms: '' };
  const atExit = (): void => void child?.kill('SIGKILL');
  process.once('exit', atExit);

  const start = async (): Promise<void> => {
    child = spawn(process.execPath, ['--no-warnings', MAIN], {
      // Nothing of the test's own environment: its variables must not decide how the server behaves.
      env: { HOME: dataDir, NODE_COMPILE_CACHE: COMPILED, LOCAL_CLOUD_DATA: dataDir, ...ports, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ready = await new Promise<string>((resolve, reject) => {
      let out = '';
      child.stdout!.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        const line = /^ready .*$/m.exec(out);
        if (line !== null) {
          resolve(line[0]);
        }
      });
      child.once('exit', (code) => reject(new Error(`local-cloud ended with ${code}: ${stderr}`)));
    });
    const address = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(ready)![1]!;
    addresses = { pubsub: address('pubsub'), bigquery: address('bigquery'), storage: address('storage'), kms: address('kms') };
    const port = (name: keyof typeof addresses): string => addresses[name].split(':').at(-1)!;
    ports = { PUBSUB_PORT: port('pubsub'), BIGQUERY_PORT: port('bigquery'), BIGQUERY_STORAGE_PORT: port('storage'), KMS_PORT: port('kms') };
  };
  const end = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) {
      return child.exitCode;
    }
    const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return gone;
  };
  const stop = async (): Promise<{ code: number | null; ms: number }> => {
    const started = performance.now();
    const code = await end('SIGTERM');
    return { code, ms: performance.now() - started };
  };

  await start();
  return {
    dataDir,
    get addresses() {
      return addresses;
    },
    get pid() {
      return child.pid!;
    },
    stderr: () => stderr,
    async control(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${addresses.bigquery}${path}`, init);
      return response.json();
    },
    kill: async () => void (await end('SIGKILL')),
    start,
    stop,
    async dispose() {
      await stop();
      process.removeListener('exit', atExit);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
