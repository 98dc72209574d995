/**
 * One process under the launcher's care.
 *
 * 1. It runs in a process group of its own, so Ctrl-C reaches it once, through the launcher. 2. It never outlives the launcher
 * (tether.mjs). 3. One that dies is reported with its last lines and started again, waiting longer each time it dies soon.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessPlan } from './plan.ts';

const TETHER = fileURLToPath(new URL('tether.mjs', import.meta.url));
const LAST_LINES = 15;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** After living this long a death counts as the first one again. */
const SETTLED_MS = 60_000;

export interface ChildEvents {
  readonly line: (name: string, line: string) => void;
  /** It died without being asked to. */
  readonly died: (name: string, how: string, lastLines: readonly string[], againInMs: number) => void;
}

export class Child {
  readonly plan: ProcessPlan;
  readonly #events: ChildEvents;
  #process: ChildProcess | undefined;
  #lastLines: string[] = [];
  #pause = FIRST_PAUSE_MS;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;

  constructor(plan: ProcessPlan, events: ChildEvents) {
    this.plan = plan;
    this.#events = events;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }
  get deaths(): number {
    return this.#deaths;
  }
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  start(): void {
    const started = Date.now();
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', ...this.plan.nodeOptions, '--import', TETHER, this.plan.main],
      {
        env: this.plan.env,
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        detached: true,
      },
    );
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) eachLine(stream as NodeJS.ReadableStream, (line) => this.#heard(line));
    child.once('error', (error) => this.#heard(error.message));
    child.once('close', (code, signal) => {
      this.#process = undefined;
      if (this.#stopping) return;
      this.#deaths++;
      if (Date.now() - started > SETTLED_MS) this.#pause = FIRST_PAUSE_MS;
      this.#events.died(this.plan.name, signal ? `was ended by ${signal}` : `ended with exit code ${code}`, this.#lastLines, this.#pause);
      this.#restart = setTimeout(() => this.start(), this.#pause);
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    });
  }

  /** SIGTERM, and SIGKILL when it has not ended within that time. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (!child) return;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill('SIGTERM');
    const late = setTimeout(() => {
      this.#heard(`did not stop within ${withinMs / 1000} s, killed`);
      child.kill('SIGKILL');
    }, withinMs);
    await ended;
    clearTimeout(late);
  }

  #heard(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
    this.#events.line(this.plan.name, line);
  }
}

const isDoor = ({ plan }: Pick<Child, 'plan'>): boolean => plan.name === 'gateway';
/** The door has so long for what is in hand before those that it hands requests to are stopped too. */
const DOOR_FIRST_MS = 1000;

/** The gateway opens when those it hands requests to are ready: who gets in is served. */
export async function openInOrder(
  services: readonly Pick<Child, 'plan' | 'start'>[],
  ready: (service: Pick<Child, 'plan'>) => Promise<void>,
): Promise<void> {
  for (const stage of [services.filter((service) => !isDoor(service)), services.filter(isDoor)]) {
    for (const service of stage) service.start();
    await Promise.all(stage.map((service) => ready(service)));
  }
}

/** The gateway closes first: what it still has to say, somebody hears. */
export async function closeInOrder<T extends Pick<Child, 'plan'>>(
  services: readonly T[],
  stop: (service: T) => Promise<void>,
): Promise<void> {
  const door = Promise.all(services.filter(isDoor).map(stop));
  await Promise.race([door, new Promise((resolve) => setTimeout(resolve, DOOR_FIRST_MS))]);
  await Promise.all([door, ...services.filter((service) => !isDoor(service)).map(stop)]);
}

function eachLine(stream: NodeJS.ReadableStream, use: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') use(line);
  });
  stream.on('end', () => rest !== '' && use(rest));
}
