/**
 * `npm run verify`: everything that must hold before a change lands: format, lint, types, boundaries, completeness, tests.
 * nx remembers what passed with the same inputs (project.json, nx.json), so only what a change touches runs again.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const began = performance.now();

/** Answers whether all passed. A daemon would save a second and leave a process behind. */
function nx(...args: string[]): boolean {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/nx/dist/bin/nx.js'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      NX_DAEMON: 'false',
      NX_TUI: 'false',
      NX_NO_CLOUD: 'true',
    },
  });
  return status === 0;
}

const quick = nx(
  'run-many',
  '-t',
  'format',
  'lint',
  'types',
  'guards',
  'test',
  '--parallel=2',
  '--output-style=dynamic-legacy',
  ...process.argv.slice(2),
);
// The rest measures itself against the machine, so nothing else runs beside it.
const passed = quick && nx('run-many', '-t', 'system-test', '--parallel=1', ...process.argv.slice(2));
console.log(`\nverify ${passed ? 'passed' : 'FAILED'} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
process.exit(passed ? 0 : 1);
