/**
 * A folder of this machine for what a step fetches.
 *
 * 1. It is gone when the step ends, whatever happens; when the process was killed, some minutes later. 2. Who works in one touches it all
 * the time: names and numbers of processes do not tell apart containers that share a disk. 3. Its name says whose it is (machine and
 * process): the folder of somebody who lives but stood still, of another user, or of another machine, is left alone.
 */
import { mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

const TOUCH_MS = 20_000;
/** Nobody works in a folder that was not touched for that long. */
export const QUIET_MS = 180_000;

const prefixOf = (pid: number | string): string => `convergence-step-${hostname()}-${pid}-`;
const ours = new Set<string>();

export async function inFolder<T>(work: (folder: string) => Promise<T>, root = tmpdir(), touchMs = TOUCH_MS): Promise<T> {
  const folder = await mkdtemp(join(root, prefixOf(process.pid)));
  ours.add(folder);
  const touching = setInterval(() => utimes(folder, new Date(), new Date()).catch(() => undefined), touchMs).unref();
  try {
    return await work(folder);
  } finally {
    clearInterval(touching);
    await rm(folder, { recursive: true, force: true });
    ours.delete(folder);
  }
}

export interface SweepLog {
  removed(names: readonly string[]): void;
  failed(cause: unknown): void;
}
/** Now and from then on: what a process left that was killed just now is taken for left in some minutes. */
export async function keepSweepingFolders(log: SweepLog, root = tmpdir(), everyMs = QUIET_MS): Promise<NodeJS.Timeout> {
  const sweep = () => removeLeftFolders(root).then((left) => left.length > 0 && log.removed(left), log.failed);
  await sweep();
  return setInterval(sweep, everyMs).unref();
}

/** Of processes that died in the middle of a step. Names of those removed. */
export async function removeLeftFolders(root = tmpdir(), user = process.getuid?.()): Promise<string[]> {
  const removed: string[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    const pid = Number(/^convergence-step-.*-(\d+)-[^-]+$/.exec(entry.name)?.[1]);
    if (!entry.isDirectory() || !(pid > 0) || !entry.name.startsWith(prefixOf(pid))) continue;
    const path = join(root, entry.name);
    const found = await stat(path).catch(() => undefined);
    // Whoever removed it meanwhile sweeps beside us.
    if (!found || (user !== undefined && found.uid !== user) || Date.now() - found.mtimeMs < QUIET_MS) continue;
    // In a container that starts again everybody has the number that the last one had.
    if (pid === process.pid ? ours.has(path) : lives(pid)) continue;
    await rm(path, { recursive: true, force: true });
    removed.push(entry.name);
  }
  return removed;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'ESRCH';
  }
}
