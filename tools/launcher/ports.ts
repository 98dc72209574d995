/** Are the ports free, and if not, who has them? */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Plan } from './plan.ts';

export interface Taken {
  readonly port: number;
  readonly use: string;
  /** "process 4711: node server.js"; undefined when nobody tells. */
  readonly holder: string | undefined;
}

export async function takenPorts(plan: Plan): Promise<Taken[]> {
  const all = [plan.cloud, ...plan.services].flatMap((process) => process.ports);
  const taken = await Promise.all(
    all.map(async ({ port, use }) => ((await isFree(port)) ? undefined : { port, use, holder: holderOf(port) })),
  );
  return taken.filter((item) => item !== undefined);
}

/** One sentence a port, then the way out. */
export function explainTaken(taken: readonly Taken[], offset: number): string {
  const lines = taken.map(({ port, use, holder }) => `  port ${port} (${use}) is taken by ${holder ?? 'a process of another user'}`);
  const ours = taken.some(({ holder }) => holder?.includes('src/main.ts'));
  return [
    'Some ports are not free:',
    ...lines,
    ours ? 'It looks as if this runs already, in another terminal: stop it there with Ctrl-C, or' : 'Stop that process, or',
    `choose other ports for everything: PORT_OFFSET=${offset + 100} npm start`,
  ].join('\n');
}

/** A command line without the paths and options that hide what it is. */
const readable = (words: readonly string[]): string =>
  words
    .filter((word, index) => index === 0 || !(word.startsWith('--') || word.endsWith('tether.mjs')))
    .map((word) => word.split('/').slice(-4).join('/'))
    .join(' ')
    .replace(/^\S*\//, '')
    .slice(0, 120);

const LOOPBACK = ['127.0.0.1', '0.0.0.0'];

async function isFree(port: number): Promise<boolean> {
  for (const host of LOOPBACK) {
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, host, () => server.close(() => resolve(true)));
    });
    if (!free) return false;
  }
  return true;
}

function holderOf(port: number): string | undefined {
  try {
    return process.platform === 'linux' ? linuxHolder(port) : lsofHolder(port);
  } catch {
    return undefined;
  }
}

function lsofHolder(port: number): string | undefined {
  const pid = execFileSync('lsof', ['-t', '-sTCP:LISTEN', `-iTCP:${port}`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n')[0];
  if (!pid) return undefined;
  const command = execFileSync('ps', ['-o', 'command=', '-p', pid], { encoding: 'utf8' }).trim();
  return `process ${pid}: ${readable(command.split(' '))}`;
}

/** /proc knows without any tool: the listening socket's inode, then whose open file it is. */
function linuxHolder(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(`:${hex}`) && columns[3] === '0A' && columns[9]) inodes.add(`socket:[${columns[9]}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (openFiles(pid).some((file) => inodes.has(file))) {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
      return `process ${pid}: ${readable(words)}`;
    }
  }
  return undefined;
}

function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
