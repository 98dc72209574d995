/** A package's `test` script: its pure tests. The ones that need a running local-cloud are run for all packages together, one by one. */
import { spawnSync } from 'node:child_process';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const here = relative(root, process.cwd());
const jest = ['--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js')];
const options = [
  '--config',
  join(root, 'jest.config.mjs'),
  '--passWithNoTests',
  '--testPathIgnorePatterns',
  '/node_modules/',
  '\\.cloud\\.test\\.ts$',
  '/e2e/',
];
const { status } = spawnSync(
  process.execPath,
  [...jest, ...options, '--testPathPatterns', `^${join(root, here)}/`, ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
