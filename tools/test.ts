/**
 * `npm test`: every test. Pure ones first, several at a time; then those with a local-cloud or a whole system, one by one, because
 * they measure themselves against the machine. `npm test -- tenants` runs the tests whose path matches.
 *
 * 1. The last line is `N passed, N failed`; a suite that could not run counts as a failure. 2. Exit code 1 unless all passed.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const patterns = process.argv.slice(2);
const results = mkdtempSync(join(tmpdir(), 'test-results-'));
const NEEDS_A_SYSTEM = /\.cloud\.test\.ts$|(^|\/)e2e\//;

interface Totals {
  passed: number;
  failed: number;
}
interface JestResults {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

function jest(name: string, files: readonly string[], options: readonly string[]): Totals {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const file = join(results, `${name}.json`);
  const command = [
    '--experimental-vm-modules',
    '--no-warnings',
    join(root, 'node_modules/jest/bin/jest.js'),
    '--config',
    join(root, 'jest.config.mjs'),
  ];
  const { status } = spawnSync(process.execPath, [...command, '--json', `--outputFile=${file}`, ...options, '--runTestsByPath', ...files], {
    cwd: root,
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  const totals = read(file);
  // Jest may fail without a failed test: it ran out of memory, or something went wrong after the last test.
  if (status !== 0 && totals.failed === 0) totals.failed = 1;
  return totals;
}

function read(file: string): Totals {
  try {
    const json = JSON.parse(readFileSync(file, 'utf8')) as JestResults;
    return { passed: json.numPassedTests, failed: json.numFailedTests + json.numRuntimeErrorTestSuites };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

const files = globSync('{apps,libs,tools,e2e}/**/*.test.ts', { cwd: root, exclude: ['**/node_modules/**'] })
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
if (files.length === 0) console.log(`No test file has ${patterns.join(' or ')} in its path.`);
const isPure = (file: string) => !NEEDS_A_SYSTEM.test(file);
const pure = jest('pure', files.filter(isPure), ['--maxWorkers=50%']);
const system = jest(
  'system',
  files.filter((file) => !isPure(file)),
  ['--runInBand'],
);
rmSync(results, { recursive: true, force: true });
const passed = pure.passed + system.passed;
const failed = pure.failed + system.failed;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
