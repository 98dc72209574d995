/**
 * The runs in hand on this instance: which go now, which wait, which must stop.
 *
 * Does not know: how a run is executed. 1. At most `concurrency` runs are in work; the next one is chosen fairly between tenants.
 * 2. A run is settled once: `done` after its end was told, `again` when somebody else shall go on with it.
 * 3. Draining hands back what waits at once and what runs after the step it is in. 4. A lost lease stops the run here, silently.
 * 5. A cancelled run that waits ends at once; one that is cancelled before it arrives, or comes again, does not start.
 */
import type { Clock, Settlement } from '@convergence/ports';
import { FairWaiting } from '@convergence/runs';
import type { Log, Received } from '@convergence/service';
import type { Requested } from './execution/announcer.ts';
import type { ExecutionEnd, Hold } from './execution/hold.ts';
import { RunStopped } from './execution/stop.ts';

export interface WorkerOptions {
  readonly concurrency: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly drain: AbortSignal;
  /** Milliseconds that a running step gets after draining began. */
  readonly drainGraceMs: number;
  readonly execute: (run: Requested, hold: Hold) => Promise<ExecutionEnd>;
  /** Ends a run that is not to start here. */
  readonly endUnstarted: (run: Requested, stopped: RunStopped) => Promise<void>;
  /** Known to have ended already: a late redelivery. */
  readonly hasEnded: (runId: string) => boolean;
  /** Another process may have begun it: it may be asked for more than once, each time as if it were the first. */
  readonly mayHaveBegun: (run: Requested) => boolean;
}

interface InHand {
  readonly run: Requested;
  readonly redelivered: boolean;
  readonly stop: AbortController;
  readonly settle: (settlement: Settlement) => void;
  startedAt: number | undefined;
}

const AGAIN = (why: string): Settlement => ({ outcome: 'again', cause: new Error(why) });
/** Remembered cancellations. */
const CANCELLED_KEPT = 10_000;

export class Worker {
  readonly #options: WorkerOptions;
  readonly #waiting = new FairWaiting<InHand>();
  readonly #inHand = new Map<string, InHand>();
  readonly #cancelled = new Map<string, string>();
  #running = 0;
  #recentMs: number[] = [];

  constructor(options: WorkerOptions) {
    this.#options = options;
    options.drain.addEventListener('abort', () => this.#drain(), { once: true });
  }

  get runIds(): readonly string[] {
    return [...this.#inHand.keys()];
  }
  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#waiting.size;
  }
  holds(runId: string): 'running' | 'waiting' | undefined {
    const held = this.#inHand.get(runId);
    return held && (held.startedAt === undefined ? 'waiting' : 'running');
  }
  /** How long a place takes to become free, by the runs that ended last. */
  get typicalMs(): number | undefined {
    const sorted = [...this.#recentMs].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  take(received: Received<Requested>): Promise<Settlement> {
    const run = received.data;
    const { drain, hasEnded, mayHaveBegun } = this.#options;
    if (drain.aborted) return Promise.resolve(AGAIN('draining'));
    if (hasEnded(run.run_id)) return Promise.resolve({ outcome: 'done' });
    if (this.#inHand.has(run.run_id)) return Promise.resolve(AGAIN('the run is in work here already'));
    return new Promise((resolve) => {
      const stop = new AbortController();
      const redelivered = received.deliveryAttempt > 1 || mayHaveBegun(run);
      const held: InHand = { run, redelivered, stop, startedAt: undefined, settle: resolve };
      const lost = () => this.#stop(held, new RunStopped('lease_lost', 'The lease of the message was lost.'));
      if (received.signal.aborted) return resolve(AGAIN('the lease is gone'));
      received.signal.addEventListener('abort', lost, { once: true });
      this.#inHand.set(run.run_id, held);
      const by = this.#cancelled.get(run.run_id);
      if (by !== undefined) return void this.#endUnstarted(held, new RunStopped('cancelled', by));
      this.#waiting.add({ tenantId: run.tenant_id, lane: run.lane, item: held });
      this.#fill();
    });
  }

  /** Somebody wants the run stopped. Remembered: it may be on its way, or come again because its end could not be told. */
  cancel(runId: string, reason: string): void {
    this.#cancelled.set(runId, reason);
    if (this.#cancelled.size > CANCELLED_KEPT) for (const oldest of this.#cancelled.keys()) if (this.#cancelled.delete(oldest)) break;
    const held = this.#inHand.get(runId);
    if (held) this.#stop(held, new RunStopped('cancelled', reason));
  }

  #stop(held: InHand, stopped: RunStopped): void {
    const waiting = this.#waiting.remove((item) => item === held);
    if (!waiting) return void held.stop.abort(stopped);
    if (stopped.kind === 'cancelled') void this.#endUnstarted(held, stopped);
    else this.#settle(held, AGAIN(stopped.message));
  }

  #fill(): void {
    const { concurrency, drain } = this.#options;
    while (this.#running < concurrency && !drain.aborted) {
      const next = this.#waiting.next();
      if (!next) return;
      this.#running += 1;
      void this.#execute(next.item).finally(() => {
        this.#running -= 1;
        this.#waiting.ended(next.tenantId);
        this.#fill();
      });
    }
  }

  async #execute(held: InHand): Promise<void> {
    const { clock, drain, execute } = this.#options;
    held.startedAt = clock.now();
    try {
      const end = await execute(held.run, { stop: held.stop, drain, redelivered: held.redelivered });
      this.#settle(held, end === 'ended' ? { outcome: 'done' } : AGAIN('handed back'));
    } catch (cause) {
      this.#settle(held, { outcome: 'again', cause });
    }
    this.#recentMs = [...this.#recentMs.slice(-99), clock.now() - held.startedAt];
  }

  async #endUnstarted(held: InHand, stopped: RunStopped): Promise<void> {
    try {
      await this.#options.endUnstarted(held.run, stopped);
      this.#settle(held, { outcome: 'done' });
    } catch (cause) {
      this.#settle(held, { outcome: 'again', cause });
    }
  }

  #settle(held: InHand, settlement: Settlement): void {
    if (this.#inHand.get(held.run.run_id) !== held) return;
    this.#inHand.delete(held.run.run_id);
    if (settlement.outcome === 'done') this.#cancelled.delete(held.run.run_id);
    held.settle(settlement);
  }

  #drain(): void {
    for (let next = this.#waiting.next(); next; next = this.#waiting.next()) {
      this.#waiting.ended(next.tenantId);
      this.#settle(next.item, AGAIN('draining'));
    }
    const late = new RunStopped('draining', 'The worker is going away.');
    void this.#options.clock.sleep(this.#options.drainGraceMs).then(() => {
      for (const held of this.#inHand.values()) held.stop.abort(late);
    });
  }
}
