import { nextFire } from './cron.ts';
import { nextRunTime } from './decide-schedule.ts';
import type { DecideContext, Decided } from './decision.ts';
import type { ScheduleEvent, SkipReason } from './events.ts';
import { resolveFireVariables } from './fire-variables.ts';
import { dstPolicy, fireId, type Schedule } from './schedule.ts';
import type { SchedulesState } from './state.ts';

export interface FireReply {
  /** Schedules that were looked at. */
  readonly due: number;
  readonly queued: number;
  readonly skipped: readonly { readonly config_id: string; readonly tenant_id: string; readonly reason: SkipReason }[];
  /** More are due than one command takes: ask again at once. */
  readonly more: boolean;
}
/** What the fires of one command may carry into the journal; parameters are bounded by schedule, so one more never breaks it. */
const ENOUGH_BYTES = 2_000_000;
const BYTES_OF_A_FIRE = 600;

/** Everything whose time has come, late ones by their catch-up policy. Each schedule moves on to its next time in the same batch of events. */
export function decideFireDue(state: SchedulesState, limit: number, { now, limits }: DecideContext): Decided {
  const events: ScheduleEvent[] = [];
  const skipped: FireReply['skipped'][number][] = [];
  const added = new Map<string, number>();
  const due = state.due.upTo(now, limit);
  let queued = 0;
  let looked = 0;
  let bytes = 0;
  for (const id of due) {
    if (bytes >= ENOUGH_BYTES) break;
    looked++;
    bytes += BYTES_OF_A_FIRE;
    const schedule = state.schedules.get(id) as Schedule;
    const { config_id, tenant_id } = schedule;
    const next_run_time = nextRunTime(schedule, now);
    let advanced = false;
    const { fires, missed } = firesToQueue(schedule, now, limits.catchupFires, limits.graceMs);
    const skip = (fire_time: number, reason: SkipReason, count = 1): void => {
      skipped.push({ config_id, tenant_id, reason });
      events.push({ type: 'fire-skipped', config_id, tenant_id, fire_time, missed: count, reason, at: now });
    };
    if (missed > 0) skip(schedule.next_run_time as number, 'missed', missed);
    // Fires that still wait count too: one behind another would never catch up.
    let live = state.queue.liveOf(config_id) + state.queue.waitingOf(config_id);
    for (const fire_time of fires) {
      const backlog = state.queue.backlogOf(tenant_id) + (added.get(tenant_id) ?? 0);
      const run_id = fireId(config_id, fire_time);
      if ((state.tenants.get(tenant_id)?.status ?? 'ACTIVE') !== 'ACTIVE') skip(fire_time, 'tenant_not_active');
      else if (schedule.overlap === 'skip' && live > 0) skip(fire_time, 'overlap');
      else if (backlog >= limits.backlogPerTenant) skip(fire_time, 'backlog_full');
      else {
        const parameters = resolveFireVariables(schedule.parameters, fire_time, schedule.timezone);
        events.push({
          type: 'schedule-fired',
          config_id,
          tenant_id,
          run_id,
          fire_time,
          parameters,
          at: now,
          expires_at: now + limits.timeToLiveMs,
          ...(fire_time === fires.at(-1) && { next_run_time }),
        });
        advanced = fire_time === fires.at(-1);
        bytes += BYTES_OF_A_FIRE + JSON.stringify(parameters).length;
        added.set(tenant_id, (added.get(tenant_id) ?? 0) + 1);
        queued++;
        live++;
      }
    }
    if (!advanced) events.push({ type: 'schedule-advanced', config_id, tenant_id, next_run_time });
  }
  const more = looked < due.length || looked === limit;
  return { events, reply: { due: looked, queued, skipped, more } satisfies FireReply };
}

function firesToQueue(schedule: Schedule, now: number, cap: number, grace: number): { fires: readonly number[]; missed: number } {
  const policy = dstPolicy(schedule.dst);
  const all: number[] = [];
  let missed = 0;
  for (
    let at: number | undefined = schedule.next_run_time ?? undefined;
    at !== undefined && at <= now;
    at = nextFire(schedule.resolved_cron, schedule.timezone, policy, at)
  ) {
    all.push(at);
    if (all.length > cap) {
      all.shift();
      missed++;
    }
    // Months of outage of a minutely schedule: what lies that far back is counted no further.
    if (missed > 10_000) break;
  }
  if (schedule.catchup === 'all') return { fires: all, missed };
  const last = all.at(-1);
  const wanted = last === undefined ? [] : schedule.catchup === 'latest' || now - last <= grace ? [last] : [];
  return { fires: wanted, missed: missed + all.length - wanted.length };
}
