/**
 * Tells the world about one run.
 *
 * 1. Sequence numbers grow within a run, also from one worker to the next: they are milliseconds since admission, pushed on where
 * two things happen at once. 2. How a run ended must be told; what it did on the way is news, told with that of other runs.
 */
import { type DataOf, type ProgressReport, type RunSpec, runCompleted } from '@convergence/contracts';
import type { Bus, Clock } from '@convergence/ports';
import { eventMessage } from '@convergence/service';
import type { ProgressReports } from './progress-reports.ts';

type Completed = DataOf<typeof runCompleted>;
export type Requested = RunSpec & { readonly admitted_at: string };

export class Announcer {
  readonly #bus: Pick<Bus, 'publish'>;
  readonly #clock: Clock;
  readonly #progress: Pick<ProgressReports, 'add'>;
  readonly #run: Requested;
  readonly #source: string;
  readonly #template: { readonly version: number; readonly hash: string } | undefined;
  #sequence = 0;

  constructor(
    tools: { bus: Pick<Bus, 'publish'>; clock: Clock; progress: Pick<ProgressReports, 'add'>; source: string },
    run: Requested,
    template?: { version: number; hash: string },
  ) {
    this.#bus = tools.bus;
    this.#clock = tools.clock;
    this.#progress = tools.progress;
    this.#source = tools.source;
    this.#run = run;
    this.#template = template;
  }

  get sequence(): number {
    const now = this.#clock.now() - Date.parse(this.#run.admitted_at);
    this.#sequence = Math.max(this.#sequence + 1, now, 1);
    return this.#sequence;
  }

  progress(step: ProgressReport['step']): void {
    const { run_id, tenant_id, pipeline_id, admitted_at } = this.#run;
    this.#progress.add({
      run_id,
      tenant_id,
      pipeline_id,
      sequence: this.sequence,
      at: new Date(this.#clock.now()).toISOString(),
      admitted_at,
      kind: step ? 'step' : 'started',
      step,
      template_version: this.#template?.version ?? null,
      template_hash: this.#template?.hash ?? null,
    });
  }

  /** Cancelled without a step of this worker. One that another worker had begun did work, and counts. */
  cancelled(message: string, started_at: string | null): Promise<void> {
    const error = { code: 'run.cancelled', class: 'cancelled', message, hint: null, step: null };
    return this.completed({ status: 'CANCELLED', started_at, did_work: started_at !== null, retryable: false, error });
  }

  async completed(end: Pick<Completed, 'status' | 'started_at' | 'did_work' | 'retryable' | 'error'>): Promise<void> {
    const { run_id, tenant_id, pipeline_id, admitted_at, trigger_type, scheduled_run_id } = this.#run;
    const data: Completed = {
      run_id,
      tenant_id,
      pipeline_id,
      admitted_at,
      trigger_type,
      scheduled_run_id,
      sequence: this.sequence,
      ended_at: new Date(this.#clock.now()).toISOString(),
      template_version: this.#template?.version ?? null,
      template_hash: this.#template?.hash ?? null,
      ...end,
    };
    await this.#bus.publish([
      eventMessage(runCompleted, data, { source: this.#source, id: `${run_id}:${end.status}`, now: this.#clock.now() }),
    ]);
  }
}
