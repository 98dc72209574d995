/**
 * What the service is made of, as its routes and handlers see it.
 */
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Clock } from '@convergence/ports';
import type { Log, Metrics } from '@convergence/service';
import type { Admission } from './admission.ts';
import type { SchedulesSlice } from './definition.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Timekeeper } from './timekeeper.ts';

export interface Scheduler {
  readonly slice: SchedulesSlice;
  readonly templates: TemplateCatalogue;
  readonly admission: Admission;
  readonly dispatcher: Dispatcher;
  readonly timekeeper: Timekeeper;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}
