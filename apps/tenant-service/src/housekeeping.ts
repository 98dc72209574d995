/**
 * What the service does by itself, so that no tick from outside has to come: opens the day at midnight, sweeps orphans.
 * 1. Ticks and this do the same idempotent work; whichever comes second finds nothing left. 2. What fails is tried again, and keeps nothing
 * else from being done.
 */
import type { Clock } from '@convergence/ports';
import type { Log } from '@convergence/service';
import { addDays, utcDate } from '@convergence/tenants';

const SWEEP_EVERY_MS = 5 * 60_000;
/** A timer never sleeps past this, so that a clock that was set is noticed. */
const LONGEST_SLEEP_MS = 60_000;

export interface HousekeepingTools {
  readonly clock: Clock;
  readonly log: Log;
  readonly resetQuotas: () => Promise<unknown>;
  readonly sweepOrphans: () => Promise<unknown>;
}

export class Housekeeping {
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #day = '';
  #sweptAt = 0;
  readonly #tools: HousekeepingTools;

  constructor(tools: HousekeepingTools) {
    this.#tools = tools;
  }

  start(): void {
    this.#sweptAt = this.#tools.clock.now();
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#tools;
    while (!this.#stop.signal.aborted) {
      for (const chore of [() => this.#openDay(), () => this.#sweep()]) {
        await chore().catch((error: unknown) => log.warn({ err: error }, 'housekeeping is tried again'));
      }
      const midnight = Date.parse(`${addDays(utcDate(clock.now()), 1)}T00:00:00Z`) - clock.now();
      await clock.sleep(Math.max(1, Math.min(midnight, LONGEST_SLEEP_MS)), this.#stop.signal).catch(() => {});
    }
  }

  async #openDay(): Promise<void> {
    const { clock, resetQuotas } = this.#tools;
    const today = utcDate(clock.now());
    if (this.#day === today) return;
    await resetQuotas();
    this.#day = today;
  }

  async #sweep(): Promise<void> {
    const { clock, sweepOrphans } = this.#tools;
    if (clock.now() - this.#sweptAt < SWEEP_EVERY_MS) return;
    await sweepOrphans();
    this.#sweptAt = clock.now();
  }
}
