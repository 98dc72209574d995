/**
 * A small world for simulation: time, an unreliable network and a dice, all from one seed, so that a failing run can be run again.
 *
 * 1. Whatever is called through `unreliable` may be slow, may never arrive, may be done without the caller hearing of it, and may be
 *    done long after the caller gave up. 2. Nothing happens in parallel: `step` picks one thing at a time. 3. A dead process hears
 *    nothing any more; what it had sent may still be done.
 */
import { Transient } from '@convergence/contracts';
import type { Clock } from '@convergence/ports';

export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

export interface Process {
  readonly name: string;
  alive: boolean;
}
interface Doing {
  readonly at: number;
  readonly order: number;
  run(): void | Promise<void>;
}

export class World {
  readonly dice: Dice;
  /** Share of calls that go wrong. */
  trouble: number;
  #now = Date.parse('2026-03-01T12:00:00.000Z');
  #order = 0;
  #doing: Doing[] = [];
  /** What happened, newest last: printed with a failing seed. */
  readonly story: string[] = [];

  constructor(seed: number, trouble: number) {
    this.dice = new Dice(seed);
    this.trouble = trouble;
  }
  get now(): number {
    return this.#now;
  }
  tell(line: string): void {
    this.story.push(`${((this.#now - Date.parse('2026-03-01T12:00:00.000Z')) / 1000).toFixed(3)} ${line}`);
  }

  later(milliseconds: number, run: () => void | Promise<void>): void {
    this.#doing.push({ at: this.#now + milliseconds, order: ++this.#order, run });
  }

  /** Does the next thing. False when there is nothing to do. */
  async step(): Promise<boolean> {
    let next = 0;
    for (let i = 1; i < this.#doing.length; i += 1) {
      const a = this.#doing[i]!;
      const b = this.#doing[next]!;
      if (a.at < b.at || (a.at === b.at && a.order < b.order)) next = i;
    }
    const doing = this.#doing[next];
    if (!doing) return false;
    this.#doing.splice(next, 1);
    this.#now = Math.max(this.#now, doing.at);
    // Not awaited: what takes its time goes on in later steps.
    void doing.run();
    await new Promise(setImmediate);
    return true;
  }
  /** Goes on until that is true. */
  async until(done: () => boolean, what: string, steps = 20_000): Promise<void> {
    for (let i = 0; !done(); i += 1) {
      if (i === steps || !(await this.step())) throw new Error(`never: ${what}`);
    }
  }

  clockFor(process: Process): Clock {
    return {
      now: () => this.#now,
      sleep: (milliseconds, signal) =>
        new Promise((resolve, reject) => {
          const abort = () => reject(signal?.reason);
          if (signal?.aborted) return abort();
          signal?.addEventListener('abort', abort, { once: true });
          this.later(milliseconds, () => {
            if (process.alive) resolve();
          });
        }),
    };
  }

  /** Mostly a few milliseconds, now and then much more. */
  #delay(): number {
    return this.dice.chance(0.9) ? this.dice.below(40) : this.dice.below(8_000);
  }

  /** What is under way takes its time, whoever is alive. */
  pause(): Promise<void> {
    return new Promise((resolve) => this.later(this.trouble === 0 ? 0 : this.dice.below(this.dice.chance(0.6) ? 40 : 30_000), resolve));
  }

  unreliable<T extends object>(process: Process, name: string, port: T): T {
    const call = (method: string, work: () => Promise<unknown>) =>
      new Promise((resolve, reject) => {
        if (!process.alive) return;
        const answer = (how: () => void) => {
          if (process.alive) how();
        };
        const lost = new Transient(`${name}.${method}: no answer`);
        const fate = this.dice.next() / (this.trouble || 1e-9);
        if (fate < 0.3) {
          this.tell(`${process.name} ${name}.${method} never arrives`);
          this.later(this.#delay(), () => answer(() => reject(lost)));
        } else if (fate < 0.6) {
          this.tell(`${process.name} ${name}.${method} is done, its answer is lost`);
          this.later(this.#delay(), async () => {
            await work().catch(() => undefined);
            this.later(this.#delay(), () => answer(() => reject(lost)));
          });
        } else if (fate < 1) {
          this.tell(`${process.name} ${name}.${method} is given up and done later`);
          this.later(this.#delay(), () => answer(() => reject(lost)));
          this.later(this.#delay() * 3, () =>
            work().then(
              () => undefined,
              () => undefined,
            ),
          );
        } else {
          this.later(this.#delay(), async () => {
            // What a process sent before it died may arrive or not.
            if (!process.alive && this.dice.chance(0.5)) return;
            const result = await work().then(
              (value) => ({ value }),
              (cause: unknown) => ({ cause }),
            );
            this.later(this.dice.below(20), () => answer(() => ('cause' in result ? reject(result.cause) : resolve(result.value))));
          });
        }
      });
    return new Proxy(port, {
      get: (target, method: string) => {
        const member = (target as Record<string, unknown>)[method];
        if (typeof member !== 'function') return member;
        if ((method === 'read' && name === 'journal') || method === 'load' || method === 'keys') {
          const pages = member as (...args: unknown[]) => AsyncIterable<unknown>;
          return async function* (...args: unknown[]) {
            const pagesRead = (await call(method, () => all(pages.apply(target, args)))) as unknown[];
            yield* pagesRead;
          };
        }
        return (...args: unknown[]) => call(method, () => (member as (...a: unknown[]) => Promise<unknown>).apply(target, args));
      },
    });
  }
}

async function all(pages: AsyncIterable<unknown>): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const page of pages) read.push(page);
  return read;
}
