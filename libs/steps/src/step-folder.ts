/**
 * A folder of this machine for what a step fetches.
 *
 * 1. It is gone when the step ends, whatever happens; when the process was killed, at the next start. 2. Its name says whose it is (machine
 * and process): the folder of somebody who lives, of another user, or of another machine that shares the disk, is left alone.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

const prefixOf = (pid: number | string): string => `convergence-step-${hostname()}-${pid}-`;

export async function inFolder<T>(work: (folder: string) => Promise<T>, root = tmpdir()): Promise<T> {
  const folder = await mkdtemp(join(root, prefixOf(process.pid)));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of processes that died in the middle of a step. Names of those removed. */
export async function removeLeftFolders(root = tmpdir(), user = process.getuid?.()): Promise<string[]> {
  const began = Date.now() - process.uptime() * 1000;
  const removed: string[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    const pid = Number(/^convergence-step-.*-(\d+)-[^-]+$/.exec(entry.name)?.[1]);
    if (!entry.isDirectory() || !(pid > 0) || !entry.name.startsWith(prefixOf(pid))) continue;
    const path = join(root, entry.name);
    const found = await stat(path).catch(() => undefined);
    // Whoever removed it meanwhile starts beside us.
    if (!found || (user !== undefined && found.uid !== user)) continue;
    // In a container that starts again everybody has the number that the last one had.
    const left = pid === process.pid ? found.mtimeMs < began - 1000 : !lives(pid);
    if (!left) continue;
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
