/** How `npm start` ends when it is not a terminal that ends it: whoever signals or kills npm leaves nothing behind. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
const LASTS = join(folder, 'lasts.ts');
const started: ChildProcess[] = [];

beforeAll(() => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const start = scripts.start.replace('tools/bootstrap.mjs start', `${join(root, 'tools/bootstrap.mjs')} ${LASTS}`);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'x', type: 'module', scripts: { start } }));
  writeFileSync(
    LASTS,
    `for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { console.log('ending'); process.exit(0); });
     setInterval(() => {}, 1000);
     console.log('pid', process.pid);`,
  );
});
afterAll(() => {
  // The group, for what a failed test left of it.
  for (const { pid } of started) spawnSync('kill', ['-KILL', '--', `-${pid}`], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
});

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('%s to npm ends what it started', async (signal) => {
  const npm = spawn('npm', ['start'], { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(npm);
  let said = '';
  const ended = new Promise<void>((resolve) => npm.stdout.on('end', resolve));
  const lasts = new Promise<void>((resolve) => {
    npm.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (/pid \d+/.test(said)) resolve();
    });
  });
  await lasts;
  npm.kill(signal);
  // Its output ends when the last process that inherited it does.
  await ended;
  expect(said).toContain('ending');
});
