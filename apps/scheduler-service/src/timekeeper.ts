/**
 * Fires schedules on time, from memory. It decides nothing: it knows when the next one is due and asks the slice then.
 *
 * 1. It sleeps until the next due time, at most a second, so a clock that was set does not fool it for longer.
 * 2. Firing is one command for all that is due; a second one for the same minute finds nothing.
 * 3. A failure to fire (the journal is away) is tried again with the next turn; nothing is lost, since a schedule only
 *    moves on when its fire is journalled.
 */
import type { Clock } from '@convergence/ports';
import type { FireReply, SweepReply } from '@convergence/schedules';
import type { Log } from '@convergence/service';
import type { SchedulesSlice } from './definition.ts';

const LONGEST_SLEEP_MS = 1000;
const SWEEP_EVERY_MS = 30_000;
/** Schedules fired in one command: large enough for a whole minute, small enough not to hold up other commands. */
const BATCH = 5000;
const AT_ONCE = 2;

export interface Fired {
  readonly due: number;
  readonly queued: number;
  readonly skipped: FireReply['skipped'];
}

export class Timekeeper {
  readonly #slice: SchedulesSlice;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: () => void;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #wake = new AbortController();
  #lastSweep = 0;
  lastFiredAt: number | null = null;

  /** `changed` is called whenever something entered or left the queue. */
  constructor(slice: SchedulesSlice, clock: Clock, log: Log, changed: () => void) {
    this.#slice = slice;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.abort();
    await this.#running;
  }

  /** The next due time may have moved: look again now. */
  rescheduled(): void {
    this.#wake.abort();
  }

  /** While one batch is being journalled the next is decided. */
  async fire(limit = Number.POSITIVE_INFINITY): Promise<Fired> {
    const total: { due: number; queued: number; skipped: FireReply['skipped'][number][] } = { due: 0, queued: 0, skipped: [] };
    const sent: { readonly size: number; readonly reply: Promise<FireReply> }[] = [];
    let left = limit;
    do {
      while (sent.length < AT_ONCE && left > 0 && (sent.length === 0 || this.#isDue)) {
        const size = Math.min(left, BATCH);
        const reply = this.#slice.execute<FireReply>({ type: 'fire-due', limit: size });
        // Should the one before it fail, nobody waits for this one.
        reply.catch(() => undefined);
        sent.push({ size, reply });
        left -= size;
      }
      const { size, reply } = sent.shift() as (typeof sent)[number];
      const { due, queued, skipped } = await reply;
      left += size - due;
      total.due += due;
      total.queued += queued;
      total.skipped.push(...skipped);
      if (queued > 0) this.#changed();
    } while (sent.length > 0 || (left > 0 && this.#isDue));
    this.lastFiredAt = this.#clock.now();
    return total;
  }

  get #isDue(): boolean {
    return (this.#slice.state.due.earliest ?? Number.POSITIVE_INFINITY) <= this.#clock.now();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (this.#slice.ready) {
          const now = this.#clock.now();
          if (this.#isDue) await this.fire();
          if (now - this.#lastSweep >= SWEEP_EVERY_MS) await this.#sweep(now);
        }
      } catch (error) {
        this.#log.error({ err: error }, 'firing failed, it is tried again');
      }
      await this.#sleep();
    }
  }

  async #sweep(now: number): Promise<void> {
    this.#lastSweep = now;
    let expired = 0;
    for (let more = true; more; ) {
      const reply = await this.#slice.execute<SweepReply>({ type: 'sweep-queue' });
      expired += reply.swept;
      more = reply.more;
    }
    if (expired > 0) this.#log.warn({ expired }, 'queued runs expired');
  }

  async #sleep(): Promise<void> {
    this.#wake = new AbortController();
    if (this.#stopping.signal.aborted) return;
    const due = this.#slice.state.due.earliest ?? Number.POSITIVE_INFINITY;
    const milliseconds = Math.max(5, Math.min(LONGEST_SLEEP_MS, due - this.#clock.now()));
    // Woken early or at its time: either way the next turn looks.
    await this.#clock.sleep(milliseconds, this.#wake.signal).catch(() => undefined);
  }
}
