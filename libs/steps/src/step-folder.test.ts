import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rm, stat, utimes } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { inFolder, removeLeftFolders } from './step-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'step-folder-test-'));
});
afterEach(() => rm(root, { recursive: true }));

test('folders of who was killed are removed, and of who had our number before; not those of who lives, of us, of another machine or of something else', async () => {
  const living = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
  try {
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    const named = (pid: number | undefined, machine = hostname()) => `convergence-step-${machine}-${pid}-aaaaaa`;
    const left = [named(dead.pid), named(process.pid)];
    const others = [named(living.pid), named(dead.pid, 'elsewhere'), `convergence-step-${dead.pid}`];
    for (const name of [...left, ...others]) await mkdir(join(root, name, 'within'), { recursive: true });
    await utimes(join(root, named(process.pid)), 1, 1);
    await inFolder(async (own) => {
      expect((await removeLeftFolders(root)).sort()).toEqual(left.sort());
      for (const path of [own, ...others.map((name) => join(root, name))]) await access(path);
      for (const name of left) await expect(access(join(root, name))).rejects.toThrow('ENOENT');
    }, root);
  } finally {
    living.kill();
  }
});

test('folders of another user are left alone', async () => {
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const path = join(root, `convergence-step-${hostname()}-${dead.pid}-aaaaaa`);
  await mkdir(path);
  const another = (await stat(path)).uid + 1;
  expect(await removeLeftFolders(root, another)).toEqual([]);
  await access(path);
});
