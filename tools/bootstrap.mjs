/**
 * Stands before every npm script: makes sure that what is installed is what the lock file says, then goes on with the Node
 * version that the lock file pins.
 *
 * 1. No dependencies, and no syntax newer than Node 18: this runs before anything is installed. 2. Installs only when lock file
 * and node_modules disagree. 3. What fails is said in plain words together with what to do. 4. The exit code is the command's.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const COMMANDS = {
  start: 'tools/launcher/start.ts',
  test: 'tools/test.ts',
  verify: 'tools/verify.ts',
  bench: 'tools/bench.ts',
  simulate: 'tools/simulate.ts',
};

function stop(...lines) {
  console.error(`\n${lines.join('\n')}\n`);
  process.exit(1);
}

const [command, ...rest] = process.argv.slice(2);
// Any other .ts file of ours may be named too: package scripts that need the pinned Node use it.
const script = COMMANDS[command] ?? (command?.endsWith('.ts') ? command : undefined);
if (!script) stop(`Usage: node tools/bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [options]`);

if (Number(process.versions.node.split('.')[0]) < 18) {
  stop(
    `This needs Node.js 18 or newer to begin with; you have ${process.version}.`,
    'Get one at https://nodejs.org and run the command again.',
  );
}

const nodeBinary = join(root, 'node_modules', 'node', 'bin', 'node');
const why = whyInstall();
if (why) await install(why);
if (!existsSync(nodeBinary)) fetchNode();
await run();

/** Why node_modules is not what package-lock.json describes; undefined when it is. */
function whyInstall() {
  const lock = readJson(join(root, 'package-lock.json'));
  if (!lock) stop('package-lock.json is missing or can not be read. Is this a complete clone? `git status` tells.');
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'nothing is installed yet';
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.includes('node_modules/') || wanted.optional || wanted.peer) continue;
    const found = installed.packages[path];
    if (!found) return `${path.replace(/^.*node_modules\//, '')} is missing`;
    if (found.version !== wanted.version || found.resolved !== wanted.resolved) {
      if (wanted.link || found.version !== wanted.version) {
        return `${path.replace(/^.*node_modules\//, '')} is ${found.version}, the lock file says ${wanted.version}`;
      }
    }
  }
  return undefined;
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function npm() {
  // Run by npm, this names the npm that runs us; by hand, the one on the PATH will do.
  const own = process.env.npm_execpath;
  return own && /npm-cli\.c?js$/.test(own) ? [process.execPath, [own]] : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
}

async function install(reason) {
  console.log(`Installing what this needs (${reason}): npm ci`);
  const began = Date.now();
  const [program, args] = npm();
  const child = spawn(program, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['inherit', 'inherit', 'pipe'],
    shell: program.endsWith('.cmd'),
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
    process.stderr.write(chunk);
  });
  const ticking = setInterval(() => console.log(`  still installing, ${Math.round((Date.now() - began) / 1000)} s`), 15_000);
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      errors += error.message;
      resolve(1);
    });
    child.on('close', resolve);
  });
  clearInterval(ticking);
  if (code !== 0) stop('The installation did not work.', explain(errors), 'Nothing was started. Run the same command again afterwards.');
  console.log(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`);
}

function explain(errors) {
  const causes = [
    [
      /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|network/i,
      'npm could not reach its registry: check the network, a proxy, or `npm config get registry`.',
    ],
    [
      /SELF_SIGNED|UNABLE_TO_VERIFY|CERT_/i,
      'The registry showed a certificate that Node does not trust: a company proxy? NODE_EXTRA_CA_CERTS names its root.',
    ],
    [/\bE401\b|\bE403\b/, 'The registry refused access: `npm config get registry` should be a public one, or log in to yours.'],
    [/ENOSPC/, 'The disk is full: about 1 GB is needed.'],
    [/EACCES|EPERM/, 'A file could not be written: is node_modules owned by another user? Remove the folder node_modules and try again.'],
    [
      /can only install packages when your package\.json and package-lock\.json|EUSAGE/,
      'package.json and package-lock.json do not fit together: run `npm install` once and commit both.',
    ],
    [/ENOENT.*npm|spawn npm/, 'npm was not found: it comes with Node.js (https://nodejs.org).'],
    [/EBADENGINE|notsup/i, 'A package does not support this system or Node version: see the message above.'],
  ];
  const known = causes.find(([pattern]) => pattern.test(errors));
  return known ? known[1] : 'npm said why above.';
}

/** Where install scripts are switched off, the pinned Node is not there yet: its own package knows how to fetch it. */
function fetchNode() {
  console.log('Fetching the pinned Node.js (install scripts seem to be switched off)');
  spawnSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: join(root, 'node_modules', 'node'), stdio: 'inherit' });
  if (!existsSync(nodeBinary)) {
    stop(
      'The pinned Node.js is not installed.',
      'Allow install scripts (`npm config set ignore-scripts false`), remove the folder node_modules, and run the command again.',
    );
  }
}

function run() {
  const child = spawn(nodeBinary, ['--disable-warning=ExperimentalWarning', resolve(root, script), ...rest], {
    cwd: root,
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to both, other callers to npm alone; a second signal does no harm. This process outlives the child.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // npm can be killed without a word. (Without npm the parent is a shell, which may end and leave us running.)
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 1000).unref();
  return new Promise(() => {
    child.on('error', (error) => stop(`The pinned Node.js could not be started: ${error.message}`));
    child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
  });
}
