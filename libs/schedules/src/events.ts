import type { Principal } from '@convergence/contracts';
import type { Hold, Notice, Schedule, ScheduleSettings } from './schedule.ts';

/** What happened, in the past tense; the journal keeps these for ever, so a field is added, never changed in meaning. */
export type ScheduleEvent =
  | { readonly type: 'schedule-created'; readonly schedule: Schedule }
  | {
      readonly type: 'schedule-changed';
      readonly config_id: string;
      readonly tenant_id: string;
      readonly changes: Partial<ScheduleSettings>;
      readonly resolved_cron: string;
      readonly next_run_time: number | null;
      /** When somebody set next_run_time by hand: what it was set to. */
      readonly moved_to?: number;
      readonly at: number;
    }
  | {
      readonly type: 'schedule-paused';
      readonly config_id: string;
      readonly tenant_id: string;
      readonly reason: string;
      readonly notice?: Notice;
      readonly at: number;
    }
  | {
      readonly type: 'schedule-warned';
      readonly config_id: string;
      readonly tenant_id: string;
      readonly failures: number;
      readonly notice?: Notice;
      readonly at: number;
    }
  | { readonly type: 'notice-sent'; readonly config_id: string; readonly tenant_id: string; readonly notice_id: string }
  /** One fire entered the queue. */
  | {
      readonly type: 'schedule-fired';
      readonly config_id: string;
      readonly tenant_id: string;
      readonly run_id: string;
      readonly fire_time: number;
      readonly parameters: Readonly<Record<string, unknown>>;
      readonly at: number;
      readonly expires_at: number;
      /** With the last fire that is queued now: the schedule moves on to that. */
      readonly next_run_time?: number | null;
    }
  | {
      readonly type: 'fire-skipped';
      readonly config_id: string;
      readonly tenant_id: string;
      readonly fire_time: number;
      readonly missed: number;
      readonly reason: SkipReason;
      readonly at: number;
    }
  /** The schedule moves on without a fire. */
  | { readonly type: 'schedule-advanced'; readonly config_id: string; readonly tenant_id: string; readonly next_run_time: number | null }
  | {
      readonly type: 'backfill-requested';
      readonly backfill_id: string;
      readonly tenant_id: string;
      readonly provider: string;
      readonly domain: string;
      readonly pipeline_template: string;
      readonly max_concurrent: number;
      /** Absent in older journals. */
      readonly trigger_by?: string;
      readonly asked_by?: Principal;
      readonly items: readonly { readonly run_id: string; readonly date: string; readonly parameters: Readonly<Record<string, unknown>> }[];
      readonly at: number;
      readonly expires_at: number;
    }
  | {
      readonly type: 'item-claimed';
      readonly run_id: string;
      readonly tenant_id: string;
      readonly attempt: number;
      readonly pipeline_logging_id: string;
      readonly until: number;
      readonly at: number;
    }
  | { readonly type: 'item-dispatched'; readonly run_id: string; readonly tenant_id: string; readonly at: number }
  /** The item goes back to its place. `scope` tenant: nothing of the tenant can go. */
  | {
      readonly type: 'item-held';
      readonly run_id: string;
      readonly tenant_id: string;
      readonly scope: 'item' | 'tenant';
      readonly hold: Hold;
    }
  | {
      readonly type: 'item-retried';
      readonly run_id: string;
      readonly tenant_id: string;
      readonly retry_count: number;
      readonly not_before: number;
      readonly error: string;
      readonly at: number;
    }
  | {
      readonly type: 'item-ended';
      readonly run_id: string;
      readonly tenant_id: string;
      readonly outcome: 'COMPLETED' | 'FAILED';
      readonly reason: EndReason;
      readonly error: string | null;
      readonly at: number;
    }
  /** A run of the tenant ended: what it held back is looked at again. */
  | { readonly type: 'place-freed'; readonly tenant_id: string; readonly at: number }
  | {
      readonly type: 'tenant-noted';
      readonly tenant_id: string;
      readonly status: 'ACTIVE' | 'SUSPENDED' | 'CANCELLED';
      readonly weight: number;
      readonly at: number;
    };

export type SkipReason = 'missed' | 'overlap' | 'backlog_full' | 'tenant_not_active';
export type EndReason = 'completed' | 'failed' | 'retries_exhausted' | 'cancelled' | 'expired' | 'refused' | 'attempts_exhausted';
