import { hash } from 'node:crypto';
import type { Principal } from '@convergence/contracts';
import type { DstPolicy } from './cron.ts';

/** Words of the scheduler. Times are milliseconds here; tables and the API see RFC 3339. */
export type Catchup = 'latest' | 'all' | 'none';
export type Overlap = 'skip' | 'queue' | 'allow';
export type Dst = 'shift' | 'skip';
export type Lane = 'live' | 'backfill';

export interface ScheduleSettings {
  readonly schedule_cron: string;
  readonly timezone: string;
  readonly is_active: boolean;
  readonly priority: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly max_retries: number;
  readonly catchup: Catchup;
  readonly overlap: Overlap;
  readonly dst: Dst;
}

/** The same failures give the same id: telling twice is seen as once. */
export interface Notice {
  readonly id: string;
  readonly kind: 'warned' | 'paused';
  readonly text: string;
}

/** One row of tenant_pipeline_configs. */
export interface Schedule extends ScheduleSettings {
  readonly config_id: string;
  readonly tenant_id: string;
  readonly provider: string;
  readonly domain: string;
  readonly pipeline_template: string;
  /** schedule_cron with `H` made numbers. */
  readonly resolved_cron: string;
  readonly next_run_time: number | null;
  readonly last_run_time: number | null;
  readonly last_run_status: string | null;
  readonly consecutive_failures: number;
  readonly paused_reason: string | null;
  /** What people of the tenant are still to be told about it. */
  readonly notice: Notice | null;
  /** The last next_run_time that was set by hand: seen once more in the table, it is not set again. */
  readonly moved_to: number | null;
  readonly created_at: number;
  readonly updated_at: number;
}

/** Why something waits: the words of `why` and of the queue page. */
export interface Hold {
  readonly gate: string;
  readonly detail: string;
  /** What stands against what is allowed, where the gate counts or compares; absent in older journals. */
  readonly value?: string | number | null;
  readonly limit?: string | number | null;
  readonly since: number;
  /** When it is looked at again at the latest, even if nobody says that the gate opened. */
  readonly until: number;
  /** When the gate is expected to open; null when nobody can tell. */
  readonly expected: number | null;
}

/** One unit of queued work: a fire of a schedule, or one date or month of a backfill. Its row leaves the queue when it ends. */
export interface QueueItem {
  /** The scheduled run. Same for all its attempts. */
  readonly run_id: string;
  readonly config_id: string | null;
  readonly backfill_id: string | null;
  /** Who asked for it, in words of their own; null when a schedule did. */
  readonly trigger_by: string | null;
  /** The same as who they proved to be, for the audit trail. */
  readonly asked_by: Principal | null;
  readonly tenant_id: string;
  readonly provider: string;
  readonly domain: string;
  readonly pipeline_template: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly lane: Lane;
  readonly priority: number;
  readonly overlap: Overlap;
  /** When it should have started: the fire time. */
  readonly scheduled_time: number;
  readonly added_at: number;
  readonly expires_at: number;
  readonly max_retries: number;
  stage: 'waiting' | 'claimed' | 'running';
  /** Claims since the last answer. Counted before anything is looked at: a poisoned item can not spin. */
  attempts: number;
  retry_count: number;
  not_before: number;
  hold: Hold | null;
  claimed_until: number;
  processing_started_at: number | null;
  /** The run of the current attempt, as executor and tenant know it. */
  pipeline_logging_id: string | null;
  last_error: string | null;
}

/** Higher priority goes first, each step worth a minute of waiting: so nothing starves. */
export const scoreOf = (item: Pick<QueueItem, 'added_at' | 'priority'>): number => item.added_at - item.priority * 60_000;

export const pipelineIdOf = (s: Pick<Schedule, 'tenant_id' | 'provider' | 'domain' | 'pipeline_template'>): string =>
  `${s.tenant_id}-${s.provider}-${s.domain}-${s.pipeline_template}`.toLowerCase();

export const dstPolicy = (dst: Dst): DstPolicy => ({ gap: dst === 'shift' ? 'fire_after' : 'skip', fold: 'first' });

/** The same question gives the same id: a fire, or an attempt, that is decided twice is one. */
export function idOf(...parts: readonly (string | number)[]): string {
  const h = hash('sha256', parts.join('\n'));
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-5${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}
export const fireId = (configId: string, fireTime: number): string => idOf('fire', configId, fireTime);
export const backfillRunId = (backfillId: string, date: string): string => idOf('backfill', backfillId, date);
export const attemptId = (runId: string, attempt: number): string => idOf('attempt', runId, attempt);
