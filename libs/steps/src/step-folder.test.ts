import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { inFolder, keepSweepingFolders, QUIET_MS, removeLeftFolders } from './step-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'step-folder-test-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Not touched for as long as says that nobody works in it, or a little shorter. */
const untouched = async (path: string, ms = QUIET_MS) => {
  const then = new Date(Date.now() - ms);
  await utimes(path, then, then);
};
const named = (pid: number | undefined, machine = hostname()) => `convergence-step-${machine}-${pid}-aaaaaa`;

test('folders of who was killed are removed, and of who had our number before; not those of who lives, of us, of another machine or of something else', async () => {
  const living = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  try {
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const left = [named(dead.pid), named(process.pid)];
    const others = [named(living.pid), named(dead.pid, 'elsewhere'), `convergence-step-${dead.pid}`];
    for (const name of [...left, ...others]) {
      await mkdir(join(root, name, 'within'), { recursive: true });
      await untouched(join(root, name));
    }
    await inFolder(async (own) => {
      await untouched(own);
      expect((await removeLeftFolders(root)).sort()).toEqual(left.sort());
      for (const path of [own, ...others.map((name) => join(root, name))]) await access(path);
      for (const name of left) await expect(access(join(root, name))).rejects.toThrow('ENOENT');
    }, root);
  } finally {
    living.kill();
  }
});

test('of two containers with one name, one disk and the same numbers, neither removes the folder that the other works in', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const others = [named(dead.pid), named(process.pid)].map((name) => join(root, name));
  for (const path of others) {
    await mkdir(path);
    await untouched(path, QUIET_MS - 60_000);
  }
  expect(await removeLeftFolders(root)).toEqual([]);
});

test('folders are looked for again and again: that of who was killed a moment before a start is removed later', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const path = join(root, named(dead.pid));
  const told: (readonly string[])[] = [];
  const failed = (cause: unknown) => {
    throw cause;
  };
  const sweeping = await keepSweepingFolders({ removed: (names) => told.push(names), failed }, root, 5);
  await mkdir(path);
  await untouched(path);
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  clearInterval(sweeping);
  expect(told[0]).toEqual([named(dead.pid)]);
});

test('who works in a folder touches it', async () => {
  await inFolder(
    async (own) => {
      await untouched(own);
      const quiet = async () => Date.now() - (await stat(own)).mtimeMs > QUIET_MS / 2;
      for (let i = 0; i < 400 && (await quiet()); i++) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await quiet()).toBe(false);
    },
    root,
    5,
  );
});

test('folders of another user are left alone', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const path = join(root, named(dead.pid));
  await mkdir(path);
  await untouched(path);
  const another = (await stat(path)).uid + 1;
  expect(await removeLeftFolders(root, another)).toEqual([]);
  await access(path);
});
