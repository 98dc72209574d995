import type { Principal } from '@convergence/contracts';
import type { ScheduleSettings } from './schedule.ts';

/** What can be asked of the scheduler, in the imperative. Shapes were validated at the edge; rules are checked by `decide`. */
export type ScheduleCommand =
  | {
      readonly type: 'create-schedule';
      readonly config_id: string;
      readonly tenant_id: string;
      readonly provider: string;
      readonly domain: string;
      readonly pipeline_template: string;
      readonly settings: ScheduleSettings;
      /** Given with a row inserted by hand. */
      readonly next_run_time?: number;
    }
  | {
      readonly type: 'change-schedule';
      readonly config_id: string;
      readonly tenant_id?: string;
      readonly changes: Partial<ScheduleSettings>;
      /** Set by hand in the table: fire then, once. */
      readonly next_run_time?: number;
    }
  | { readonly type: 'disable-schedule'; readonly config_id: string; readonly tenant_id?: string }
  /** Queue what is due; `limit` bounds how many schedules are looked at in one go. */
  | { readonly type: 'fire-due'; readonly limit: number }
  | {
      readonly type: 'request-backfill';
      readonly backfill_id: string;
      readonly tenant_id: string;
      readonly provider: string;
      readonly domain: string;
      readonly pipeline_template: string;
      readonly dates: readonly { readonly date: string; readonly parameters: Readonly<Record<string, unknown>> }[];
      readonly max_concurrent: number;
      /** Who asked for it. */
      readonly trigger_by: string;
      readonly asked_by: Principal;
    }
  | { readonly type: 'claim-items'; readonly run_ids: readonly string[] }
  | { readonly type: 'settle-claims'; readonly results: readonly ClaimResult[] }
  | {
      readonly type: 'finish-run';
      readonly tenant_id: string;
      readonly pipeline_logging_id: string;
      readonly status: 'COMPLETE' | 'FAILED' | 'CANCELLED';
      readonly retryable: boolean;
      readonly error: string | null;
    }
  /** Somebody does not want it any more. Only one that waits: the reply says whether it did. */
  | { readonly type: 'cancel-waiting'; readonly run_id: string; readonly error: string }
  /** Expired items end, so many at once; the reply says whether to ask again. */
  | { readonly type: 'sweep-queue' }
  /** The people of the tenant were told what the schedule's notice says. */
  | { readonly type: 'note-told'; readonly config_id: string; readonly tenant_id: string; readonly notice_id: string }
  | {
      readonly type: 'note-tenant';
      readonly tenant_id: string;
      readonly status: 'ACTIVE' | 'SUSPENDED' | 'CANCELLED';
      readonly weight: number;
    };

/** What admission, or preparing the run, said of one claimed item. */
export type ClaimResult =
  | { readonly run_id: string; readonly outcome: 'started' }
  /** Not now. */
  | {
      readonly run_id: string;
      readonly outcome: 'held';
      readonly scope: 'item' | 'tenant';
      readonly gate: string;
      readonly detail: string;
      readonly value?: string | number | null;
      readonly limit?: string | number | null;
      readonly expected: number | null;
    }
  /** Not ever: the template is gone, the parameters no longer fit. */
  | { readonly run_id: string; readonly outcome: 'refused'; readonly detail: string };
