/**
 * `npm start`: local-cloud and the services on this machine, until Ctrl-C.
 *
 * 1. Either everything becomes ready or it is said what does not and why. 2. Ctrl-C ends every child within 10 s.
 * 3. Data stays between starts unless `--fresh`. 4. The gateway's port opens last and closes first.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSampleServer } from '../sample-data/sample-server.ts';
import { Child, closeInOrder, openInOrder } from './child.ts';
import { beginAnew, signingKey } from './data.ts';
import { mintTokens } from './identity.ts';
import { BadOption, plan as makePlan, NO_SECRETS, type ProcessPlan, portOffset } from './plan.ts';
import { explainTaken, takenPorts } from './ports.ts';
import { prettifier } from './pretty.ts';
import { welcome } from './session.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const READY_MS = 60_000;
const SERVICES_STOP_MS = 6000;
const CLOUD_STOP_MS = 3000;

try {
  await start();
} catch (error) {
  if (!(error instanceof BadOption)) throw error;
  console.error(error.message);
  process.exit(1);
}

async function start(): Promise<void> {
  const began = performance.now();
  const options = readOptions();
  const dataDir = resolve(root, process.env.LOCAL_CLOUD_DATA ?? '.data');
  const offset = portOffset(process.env);
  const draft = makePlan(root, process.env, NO_SECRETS, existsSync);
  const taken = await takenPorts(draft);
  if (taken.length > 0) throw new BadOption(explainTaken(taken, offset));
  if (options.fresh && !(await beginAnew(dataDir, { yes: options.yes, interactive: process.stdin.isTTY === true }))) {
    console.log('Nothing was removed and nothing started.');
    return;
  }
  const secrets = { signingKey: signingKey(dataDir), token: await mintTokens(dataDir, process.env.GCP_PROJECT_ID) };
  const plan = makePlan(root, process.env, secrets, existsSync);
  const names = [plan.cloud, ...plan.services].map((process) => process.name);
  const pretty = prettifier(names, process.stdout.isTTY === true && !process.env.NO_COLOR);
  let cloudReady = false;
  // The noise of starting is kept back unless it is needed to explain a failure.
  let quiet = true;
  const events = {
    line: (name: string, line: string) => {
      if (name === plan.cloud.name && line.startsWith('ready ')) cloudReady = true;
      if (!quiet) console.log(pretty(name, line));
    },
    died: (name: string, how: string, lastLines: readonly string[], againInMs: number) => {
      if (name === plan.cloud.name) cloudReady = false;
      const said = lastLines.map((line) => `  ${pretty(name, line)}`).join('\n');
      console.error(`\n${name} ${how}. Its last lines:\n${said}\nStarting it again in ${againInMs / 1000} s.\n`);
    },
  };
  const cloud = new Child(plan.cloud, events);
  const services = plan.services.map((service) => new Child(service, events));
  const stopping = stopOnSignal(cloud, services);

  console.log(`Starting ${names.join(', ')} ...`);
  if (existsSync(plan.cloud.main)) {
    cloud.start();
    // Loads its code while local-cloud does, then waits for it.
    await provision(plan.provisionEnv, stopping.signal);
    await until(
      () => cloudReady,
      stopping.signal,
      () => `${plan.cloud.name} is not ready`,
    );
  }
  const waiting = new Map<string, string>();
  await openInOrder(services, (service) => untilReady(service.plan, waiting, stopping.signal));
  if (stopping.signal.aborted) return;
  console.log(`\n${welcome(plan, (performance.now() - began) / 1000)}\n`);
  quiet = false;
  if (process.env.SAMPLE_DATA === 'off') return;
  sampleData(plan.provisionEnv, stopping.signal);
  await startSampleServer(plan.samplePort, { busyEvery: 5 }).catch((error: Error) =>
    console.error(`openai/example/costs finds no sample to read: ${error.message}`),
  );
}

/** What the shipped templates read, installed beside the running system; what is there stays. */
function sampleData(env: Readonly<Record<string, string>>, signal: AbortSignal): void {
  const script = join(root, 'tools', 'sample-data.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], { env, stdio: 'inherit', signal });
  // Nobody waits for it.
  if (child.pid) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  child.on('error', (error) => {
    if (error.name !== 'AbortError') console.error(`The sample data could not be installed: ${error.message}`);
  });
}

/** Topics, tables and keys, made before anyone asks for them. What can't be made now, the log below explains. */
async function provision(env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  const script = join(root, 'tools', 'provision.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  signal.addEventListener('abort', () => child.kill(), { once: true });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0 && !signal.aborted) console.error('Not everything the services need could be made (see above); going on.');
}

function readOptions(): { fresh: boolean; yes: boolean } {
  try {
    const { values } = parseArgs({
      options: { fresh: { type: 'boolean', default: false }, yes: { type: 'boolean', short: 'y', default: false } },
    });
    return values;
  } catch (error) {
    throw new BadOption(`${(error as Error).message}\nUsage: npm start -- [--fresh] [--yes]     PORT_OFFSET=100 npm start`);
  }
}

async function untilReady({ name, readyUrl }: ProcessPlan, waiting: Map<string, string>, signal: AbortSignal): Promise<void> {
  await until(
    async () => {
      const answer = await fetch(readyUrl as string, { signal: AbortSignal.timeout(3000) }).catch(() => undefined);
      if (answer?.ok) return true;
      const body = (await answer?.json().catch(() => undefined)) as { phase?: string; waiting_for?: string[] } | undefined;
      waiting.set(name, body?.waiting_for?.length ? `waits for ${body.waiting_for.join(', ')}` : (body?.phase ?? 'does not answer'));
      return false;
    },
    signal,
    () => `${name} ${waiting.get(name)}`,
  );
}

/** Says every few seconds what is waited for; goes on waiting, because a child that dies is started again. */
async function until(condition: () => boolean | Promise<boolean>, signal: AbortSignal, why: () => string): Promise<void> {
  const began = Date.now();
  let said = began;
  while (!signal.aborted && !(await condition())) {
    if (Date.now() - said > 10_000) {
      said = Date.now();
      const late = said - began > READY_MS ? ' This is taking too long: see the lines above, or stop with Ctrl-C.' : '';
      console.log(`  still starting: ${why()}.${late}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function stopOnSignal(cloud: Child, services: readonly Child[]): { signal: AbortSignal } {
  const controller = new AbortController();
  const stop = async () => {
    controller.abort();
    console.log('\nStopping ...');
    // The services write their last rows into local-cloud, so it goes last.
    await closeInOrder(services, (service) => service.stop(SERVICES_STOP_MS));
    await cloud.stop(CLOUD_STOP_MS);
    console.log('Stopped. The data is kept.');
    process.exit(0);
  };
  const once = () => {
    if (!controller.signal.aborted) void stop();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, once);
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && once(), 1000).unref();
  return { signal: controller.signal };
}
