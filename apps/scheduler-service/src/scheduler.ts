/**
 * What the service is made of, as its routes and handlers see it.
 */
import type { AdmitResponse, RunSpec, RunStatus, TenantNotice } from '@convergence/contracts';
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Clock } from '@convergence/ports';
import type { ScheduleCommand, SchedulesState } from '@convergence/schedules';
import type { Log, Metrics } from '@convergence/service';
import type { Slice } from '@convergence/slice';
import type { Dispatcher } from './dispatcher.ts';
import type { Timekeeper } from './timekeeper.ts';

export type SchedulesSlice = Slice<SchedulesState, ScheduleCommand>;

/** tenant-service, as the scheduler needs it. */
export interface Admission {
  admit(runs: readonly RunSpec[]): Promise<AdmitResponse>;
  /** Undefined: not live, and not ended just now. */
  run(runId: string): Promise<{ readonly live: boolean; readonly status: RunStatus } | undefined>;
  /** Refuses a tenant that there is not. */
  checkTenant(tenantId: string): Promise<void>;
  /** Tells the people of a tenant; the same id again tells nobody twice. */
  tell(tenantId: string, notice: TenantNotice): Promise<void>;
}

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
