/**
 * How long until everything is ready, and how much memory it takes when idle. Starts the launcher with data and ports of its
 * own. Memory is resident set (VmRSS) of each process after a settling time, in which pages that processes share (the text of
 * Node) count in each; beside it PSS, in which they count once.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SETTLE_MS = 10_000;
const MAX_IDLE_MB = 600;
const MAX_START_S = 10;

const data = mkdtempSync(join(tmpdir(), 'bench-start-'));
const first = await measure('first start, no data');
const second = await measure('second start, with data');
rmSync(data, { recursive: true, force: true });

for (const { title, seconds, memory } of [first, second]) {
  const services = [...memory].filter(([name]) => name !== 'local-cloud' && name !== 'launcher');
  const sum = (of: keyof Memory) => services.reduce((total, [, megabytes]) => total + megabytes[of], 0);
  console.log(`\n${title}: ready in ${seconds.toFixed(1)} s (limit ${MAX_START_S} s)`);
  for (const [name, { resident, shared }] of memory) console.log(line(name, resident, shared));
  console.log(`${line(`${services.length} services`, sum('resident'), sum('shared'))}   limit ${MAX_IDLE_MB} MB resident`);
}

async function measure(title: string): Promise<{ title: string; seconds: number; memory: Map<string, Memory> }> {
  const began = performance.now();
  const env = { ...process.env, SAMPLE_DATA: 'off', LOCAL_CLOUD_DATA: data, PORT_OFFSET: process.env.PORT_OFFSET ?? '400' };
  const launcher = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'tools/launcher/start.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Whoever stops the bench stops what it started.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => launcher.kill('SIGINT'));
  const seconds = await new Promise<number>((resolve, reject) => {
    let said = '';
    launcher.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      if (/^Ready in/m.test(said)) resolve((performance.now() - began) / 1000);
    });
    launcher.once('exit', () => reject(new Error(`the launcher ended:\n${said}`)));
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const memory = new Map([['launcher', memoryOf(String(launcher.pid))]]);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const name = appOf(pid, launcher.pid as number);
    if (name) memory.set(name, memoryOf(pid));
  }
  const ended = new Promise((resolve) => launcher.once('exit', resolve));
  launcher.kill('SIGINT');
  await ended;
  return { title, seconds, memory };
}

function appOf(pid: string, parent: number): string | undefined {
  try {
    if (!new RegExp(`^PPid:\\s+${parent}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return undefined;
    return /apps\/([\w-]+)\/src\/main\.ts/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1];
  } catch {
    return undefined; // It ended meanwhile.
  }
}

/** Megabytes. */
interface Memory {
  readonly resident: number;
  readonly shared: number;
}

function memoryOf(pid: string): Memory {
  const megabytes = (file: string, name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1] ?? 0) / 1024;
  return { resident: megabytes('status', 'VmRSS'), shared: megabytes('smaps_rollup', 'Pss') };
}

function line(name: string, resident: number, shared: number): string {
  return `  ${name.padEnd(18)} ${resident.toFixed(0).padStart(5)} MB   ${shared.toFixed(0).padStart(5)} MB PSS`;
}
