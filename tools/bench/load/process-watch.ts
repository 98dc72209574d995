/** local-cloud as a process of its own for a bench, run as the launcher runs it, and what a process uses of the machine as the kernel counts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CLOUD_PROCESS } from '../../launcher/plan.ts';

const MAIN = fileURLToPath(new URL('../../../apps/local-cloud/src/main.ts', import.meta.url));
/** As the launcher has it: compiled code is read instead of made, which also keeps the type stripper out of memory. */
const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/compile', import.meta.url));
const TICKS_PER_SECOND = 100;

export interface RunningCloud {
  readonly pid: number;
  readonly addresses: Readonly<Record<'pubsub' | 'bigquery' | 'storage' | 'kms', string>>;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** `BENCH_NODE_ARGS`, e.g. `--cpu-prof --cpu-prof-dir=/tmp/x`, goes to the server. */
export async function runCloud(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<RunningCloud> {
  const nodeArgs = (process.env.BENCH_NODE_ARGS ?? '').split(' ').filter(Boolean);
  const child: ChildProcess = spawn(process.execPath, ['--no-warnings', ...CLOUD_PROCESS.nodeOptions, ...nodeArgs, MAIN], {
    env: {
      ...CLOUD_PROCESS.env,
      NODE_COMPILE_CACHE: COMPILED,
      ...process.env,
      LOCAL_CLOUD_DATA: dataDir,
      PUBSUB_PORT: '0',
      BIGQUERY_PORT: '0',
      BIGQUERY_STORAGE_PORT: '0',
      KMS_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    let out = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const ready = /^ready .*$/m.exec(out);
      if (ready !== null) {
        resolve(ready[0]);
      }
    });
    child.once('exit', (code) => reject(new Error(`local-cloud ended with ${code}`)));
  });
  const address = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(line)?.[1] ?? '';
  return {
    pid: child.pid!,
    addresses: { pubsub: address('pubsub'), bigquery: address('bigquery'), storage: address('storage'), kms: address('kms') },
    end: (signal) =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill(signal);
      }),
  };
}

export interface Memory {
  readonly resident: number;
  /** Of it what belongs to the process alone, in heap and buffers; the rest is mapped files: code, libraries. */
  readonly anonymous: number;
}

export function memoryMb(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)![1]) / 1024;
  return { resident: mb('VmRSS'), anonymous: mb('RssAnon') };
}

/** Processor time of all threads so far. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

export function quantiles(values: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: sorted[sorted.length >> 1]!, p99: sorted[Math.floor(sorted.length * 0.99)]! };
}
