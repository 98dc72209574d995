/**
 * Tells the world about one run.
 *
 * 1. Sequence numbers grow within a run, also from one worker to the next: they are milliseconds since admission, pushed on where
 * two things happen at once. 2. Progress is news: when it can't be told the run goes on. How it ended must be told.
 */
import { type DataOf, type RunSpec, runCompleted, runProgress } from '@convergence/contracts';
import type { Bus, Clock } from '@convergence/ports';
import { eventMessage, type Log } from '@convergence/service';

type Progress = DataOf<typeof runProgress>;
type Completed = DataOf<typeof runCompleted>;
export type Requested = RunSpec & { readonly admitted_at: string };

export class Announcer {
  readonly #bus: Pick<Bus, 'publish'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #run: Requested;
  readonly #source: string;
  readonly #template: { readonly version: number; readonly hash: string } | undefined;
  #sequence = 0;
  #telling: Promise<void> = Promise.resolve();

  constructor(
    tools: { bus: Pick<Bus, 'publish'>; clock: Clock; log: Log; source: string },
    run: Requested,
    template?: { version: number; hash: string },
  ) {
    this.#bus = tools.bus;
    this.#clock = tools.clock;
    this.#log = tools.log;
    this.#source = tools.source;
    this.#run = run;
    this.#template = template;
  }

  get sequence(): number {
    const now = this.#clock.now() - Date.parse(this.#run.admitted_at);
    this.#sequence = Math.max(this.#sequence + 1, now, 1);
    return this.#sequence;
  }

  progress(step: Progress['step']): void {
    const { run_id, tenant_id, pipeline_id, admitted_at } = this.#run;
    const sequence = this.sequence;
    const data: Progress = {
      run_id,
      tenant_id,
      pipeline_id,
      sequence,
      at: new Date(this.#clock.now()).toISOString(),
      admitted_at,
      kind: step ? 'step' : 'started',
      step,
      template_version: this.#template?.version ?? null,
      template_hash: this.#template?.hash ?? null,
    };
    const message = eventMessage(runProgress, data, { source: this.#source, id: `${run_id}:${sequence}`, now: this.#clock.now() });
    this.#telling = this.#telling
      .then(() => this.#bus.publish([message]))
      .catch((error: unknown) => this.#log.warn({ err: error, run_id }, 'progress could not be told'));
  }

  async completed(end: Pick<Completed, 'status' | 'started_at' | 'did_work' | 'retryable' | 'error'>): Promise<void> {
    const { run_id, tenant_id, pipeline_id, admitted_at, trigger_type, scheduled_run_id } = this.#run;
    await this.#telling;
    const data: Completed = {
      run_id,
      tenant_id,
      pipeline_id,
      admitted_at,
      trigger_type,
      scheduled_run_id,
      sequence: this.sequence,
      ended_at: new Date(this.#clock.now()).toISOString(),
      ...end,
    };
    await this.#bus.publish([
      eventMessage(runCompleted, data, { source: this.#source, id: `${run_id}:${end.status}`, now: this.#clock.now() }),
    ]);
  }
}
