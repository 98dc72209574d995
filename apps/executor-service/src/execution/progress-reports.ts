/**
 * What the runs of this instance did, told in one message for all of them.
 *
 * 1. Reports gather for a moment, so more runs make larger messages, not more of them. 2. They go out in order.
 * 3. Progress is news: when it can't be told, it is lost and the runs go on.
 */
import { type ProgressReport, runProgress } from '@convergence/contracts';
import type { Bus, Clock } from '@convergence/ports';
import { eventMessage, type Log } from '@convergence/service';

const GATHER_MS = 100;
/** Of some hundred bytes each; a message holds 10 MB. */
const MOST = 2_000;

export class ProgressReports {
  readonly #tools: { readonly bus: Pick<Bus, 'publish'>; readonly clock: Clock; readonly log: Log; readonly source: string };
  readonly #executor: string;
  #reports: ProgressReport[] = [];
  #gathering: Promise<void> | undefined;

  constructor(tools: { bus: Pick<Bus, 'publish'>; clock: Clock; log: Log; source: string }, executor: string) {
    this.#tools = tools;
    this.#executor = executor;
  }

  add(report: ProgressReport): void {
    this.#reports.push(report);
    this.#gathering ??= this.#tools.clock.sleep(GATHER_MS).then(() => this.flush());
  }

  /** Tells what is left, before the instance goes. */
  async flush(): Promise<void> {
    this.#gathering = undefined;
    const { bus, clock, log, source } = this.#tools;
    while (this.#reports.length > 0) {
      const reports = this.#reports.splice(0, MOST);
      const message = eventMessage(runProgress, { executor: this.#executor, reports }, { source, now: clock.now() });
      await bus
        .publish([message])
        .catch((error: unknown) => log.warn({ err: error, reports: reports.length }, 'progress could not be told'));
    }
  }
}
