/**
 * `npm test`: every test. Pure ones first, one a core; then those with a local-cloud or a whole system, two at a time, because half of their
 * time is waiting. `npm test -- tenants` runs the tests whose path matches.
 *
 * Loops that look for what nobody thought of run a minute (random input) or some tens of kills; `SOAK=1 npm test` runs them for long.
 *
 * 1. The last line is `N passed, N failed`; a suite that could not run counts as a failure. 2. Exit code 1 unless all passed.
 * 3. The slowest suites are named: what is waited for is known.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const patterns = process.argv.slice(2);
const results = mkdtempSync(join(tmpdir(), 'test-results-'));
const NEEDS_A_SYSTEM = /\.cloud\.test\.ts$|(^|\/)e2e\//;

const SYSTEMS_AT_ONCE = 2;
const SLOWEST = 8;
/** What the loops of the tests read; a minute of fuzzing and tens of kills without it. */
const LONG = { FUZZ_SECONDS: '600', KILLS: '100', SEEDS: '20000' };
const soak = process.env.SOAK === '1';

interface Totals {
  passed: number;
  failed: number;
  readonly suites: readonly { readonly path: string; readonly seconds: number }[];
}
interface JestResults {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[];
}

function jest(name: string, files: readonly string[], options: readonly string[]): Totals {
  if (files.length === 0) return { passed: 0, failed: 0, suites: [] };
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
    // Services and local-clouds start hundreds of times: compiled code is kept for the next ones. nx forces colours on what it runs, and
    // tests read what processes print.
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compile'),
      ...(soak ? LONG : {}),
      ...process.env,
      FORCE_COLOR: undefined,
    },
    // Jest reports on stderr when it writes JSON.
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
    const suites = json.testResults.map(({ name, startTime, endTime }) => ({
      path: relative(root, name),
      seconds: Math.max(0, endTime - startTime) / 1000,
    }));
    return { passed: json.numPassedTests, failed: json.numFailedTests + json.numRuntimeErrorTestSuites, suites };
  } catch {
    return { passed: 0, failed: 1, suites: [] };
  }
}

const files = globSync('{apps,libs,tools,e2e}/**/*.test.ts', { cwd: root, exclude: ['**/node_modules/**'] })
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
if (files.length === 0) console.log(`No test file has ${patterns.join(' or ')} in its path.`);
const isPure = (file: string) => !NEEDS_A_SYSTEM.test(file);
const pure = jest('pure', files.filter(isPure), [`--maxWorkers=${availableParallelism()}`]);
const system = jest(
  'system',
  files.filter((file) => !isPure(file)),
  [`--maxWorkers=${SYSTEMS_AT_ONCE}`],
);
rmSync(results, { recursive: true, force: true });
const slowest = [...pure.suites, ...system.suites].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
if (slowest.length > 1)
  console.log(`\nSlowest suites:\n${slowest.map(({ path, seconds }) => `  ${seconds.toFixed(1).padStart(6)} s  ${path}`).join('\n')}`);
console.log(soak ? 'Fuzzing and killing ran for long.' : 'Fuzzing ran for a minute; SOAK=1 npm test fuzzes and kills for long.');
const passed = pure.passed + system.passed;
const failed = pure.failed + system.failed;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
