/**
 * local-cloud as a process of its own, on free ports, with data in a directory that is gone afterwards.
 *
 * 1. Nothing of the test's process is shared with it but the sockets: it can be killed. 2. A test process that dies takes it along.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';

/** LOCAL_CLOUD_MAIN names another build of it. */
const MAIN = process.env.LOCAL_CLOUD_MAIN ?? fileURLToPath(new URL('../../../apps/local-cloud/src/main.ts', import.meta.url));
const PORTS = ['PUBSUB_PORT', 'BIGQUERY_PORT', 'BIGQUERY_STORAGE_PORT', 'KMS_PORT', 'CONTROL_PORT'] as const;

export interface LocalCloud {
  /** The four emulator hosts, by the ecosystem's names, and what else a service's process needs to reach it. */
  readonly env: Readonly<Record<string, string>>;
  readonly dataDir: string;
  readonly output: () => string;
  /** kill -9, as a crash does it; `start` again keeps ports and data. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Sets the four emulator hosts in this process's environment too, unless `exportEnv` is false. */
export async function startLocalCloud(
  options: { readonly env?: Readonly<Record<string, string>>; readonly exportEnv?: boolean } = {},
): Promise<LocalCloud> {
  const dataDir = await mkdtemp(join(tmpdir(), 'local-cloud-'));
  const ports = Object.fromEntries(await Promise.all(PORTS.map(async (name) => [name, String(await freePort())] as const)));
  const env = {
    PUBSUB_EMULATOR_HOST: `127.0.0.1:${ports.PUBSUB_PORT}`,
    BIGQUERY_EMULATOR_HOST: `http://127.0.0.1:${ports.BIGQUERY_PORT}`,
    BIGQUERY_STORAGE_EMULATOR_HOST: `127.0.0.1:${ports.BIGQUERY_STORAGE_PORT}`,
    KMS_EMULATOR_HOST: `127.0.0.1:${ports.KMS_PORT}`,
    METADATA_SERVER_DETECTION: 'none',
  };
  let child: ChildProcess | undefined;
  let output = '';
  const killAtExit = () => child?.kill('SIGKILL');
  process.once('exit', killAtExit);

  async function start(): Promise<void> {
    const running = spawn(process.execPath, ['--no-warnings', MAIN], {
      env: { ...process.env, ...ports, ...env, LOCAL_CLOUD_DATA: dataDir, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = running;
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-20_000);
    };
    running.stdout?.on('data', keep);
    running.stderr?.on('data', keep);
    for (const name of PORTS.slice(0, 4)) {
      for (let tries = 0; !(await answers(Number(ports[name]))); tries += 1) {
        if (running.exitCode !== null || tries > 600) {
          running.kill('SIGKILL');
          throw new Error(`local-cloud did not start (${name}):\n${output}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const running = child;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    const late = setTimeout(() => running.kill('SIGKILL'), 5_000);
    await gone;
    clearTimeout(late);
  }
  await start();
  if (options.exportEnv !== false) Object.assign(process.env, env);
  return {
    env,
    dataDir,
    output: () => output,
    kill: () => end('SIGKILL'),
    start,
    async stop() {
      await end('SIGTERM');
      process.removeListener('exit', killAtExit);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const say = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
  });
}
