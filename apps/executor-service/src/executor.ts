import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Bus, Clock } from '@convergence/ports';
import type { InternalClient, Log } from '@convergence/service';
import type { Lately } from './execution/lately.ts';
import type { RunContexts } from './execution/run-context.ts';
import type { LiveEvents } from './index/live-events.ts';
import type { RunIndex } from './index/run-index.ts';
import type { Runs } from './index/runs.ts';
import type { Recorder } from './record/recorder.ts';
import type { Worker } from './worker.ts';

/** The service's parts, as routes and handlers use them. */
export interface Executor {
  readonly name: string;
  readonly instance: string;
  readonly worker: Worker;
  readonly recorder: Recorder;
  readonly index: RunIndex;
  readonly runs: Runs;
  readonly live: LiveEvents;
  readonly contexts: RunContexts;
  readonly lately: Lately;
  readonly templates: TemplateCatalogue;
  readonly tenantService: Pick<InternalClient, 'call'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly concurrency: number;
}
