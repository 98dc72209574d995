/**
 * A package's `test` script: the pure tests below the folder it is called in; words pick among them by their path. The ones that need a
 * running local-cloud are run for all packages together.
 */
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
// One pattern: of several, Jest takes what fits any.
const words = process.argv.slice(2);
const pattern = `^${join(root, here)}/${words.length > 0 ? `.*(?:${words.join('|')})` : ''}`;
const { status } = spawnSync(process.execPath, [...jest, ...options, '--testPathPatterns', pattern], {
  cwd: root,
  stdio: 'inherit',
  // nx forces colours on what it runs, and tests read what processes print.
  env: { ...process.env, FORCE_COLOR: undefined },
});
process.exit(status ?? 1);
