/**
 * The scheduler's decisions: pure, synchronous, total. What may happen is said here, what did happen is folded in by `apply`.
 *
 * It must not know: Pub/Sub, BigQuery, HTTP, admission's rules, the clock.
 *
 * 1. A fire is (schedule, fire time): its run id follows from the two, so it enters the queue at most once, ever.
 * 2. An attempt is counted when an item is claimed, before anybody looks at it.
 * 3. An item that can not go keeps its place and knows which gate holds it, since when and until when.
 * 4. Whatever enters the queue leaves it: completed, failed, cancelled or expired.
 * 5. A late or doubled word about a run that has ended, or about an older attempt, changes nothing.
 */
import type { ClaimResult, ScheduleCommand } from './commands.ts';
import { decideFireDue } from './decide-fire.ts';
import { decideBackfill, decideChange, decideCreate, decideDisable } from './decide-schedule.ts';
import type { DecideContext, Decided } from './decision.ts';
import type { ScheduleEvent } from './events.ts';
import type { ScheduleLimits } from './limits.ts';
import { attemptId, idOf, type Notice, pipelineIdOf, type QueueItem } from './schedule.ts';
import type { SchedulesState } from './state.ts';

export interface SweepReply {
  readonly swept: number;
  /** Ask again at once. */
  readonly more: boolean;
}

export function decide(state: SchedulesState, command: ScheduleCommand, context: DecideContext): Decided {
  switch (command.type) {
    case 'create-schedule':
      return decideCreate(state, command, context);
    case 'change-schedule':
      return decideChange(state, command, context);
    case 'disable-schedule':
      return decideDisable(state, command, context);
    case 'fire-due':
      return decideFireDue(state, command.limit, context);
    case 'request-backfill':
      return decideBackfill(state, command, context);
    case 'claim-items':
      return claim(state, command.run_ids, context);
    case 'settle-claims':
      return { events: command.results.flatMap((result) => settle(state, result, context)) };
    case 'finish-run':
      return finish(state, command, context);
    case 'cancel-waiting': {
      const item = state.queue.get(command.run_id);
      if (item?.stage !== 'waiting') return { events: [], reply: false };
      return { events: [end(item, 'FAILED', 'cancelled', command.error, context.now)], reply: true };
    }
    case 'sweep-queue':
      return sweep(state, context);
    case 'note-told': {
      const notice = state.schedules.get(command.config_id)?.notice;
      if (!notice || notice.id !== command.notice_id) return { events: [] };
      return { events: [{ type: 'notice-sent', config_id: command.config_id, tenant_id: command.tenant_id, notice_id: notice.id }] };
    }
    case 'note-tenant': {
      const known = state.tenants.get(command.tenant_id);
      if (known && known.status === command.status && known.weight === command.weight && !state.queue.holdOf(command.tenant_id))
        return { events: [] };
      return {
        events: [{ type: 'tenant-noted', tenant_id: command.tenant_id, status: command.status, weight: command.weight, at: context.now }],
      };
    }
    default:
      return command satisfies never;
  }
}

function claim(state: SchedulesState, runIds: readonly string[], { now, limits }: DecideContext): Decided {
  const events: ScheduleEvent[] = [];
  const claimed: string[] = [];
  for (const runId of runIds) {
    const item = state.queue.get(runId);
    const lost = item?.stage === 'claimed' && item.claimed_until <= now;
    if (!item || !(item.stage === 'waiting' || lost)) continue;
    if (item.attempts >= limits.unsettledClaims) {
      events.push(end(item, 'FAILED', 'attempts_exhausted', `Gave up: ${item.attempts} attempts to start it came to nothing`, now));
      continue;
    }
    claimed.push(runId);
    events.push({
      type: 'item-claimed',
      run_id: runId,
      tenant_id: item.tenant_id,
      attempt: item.attempts + 1,
      pipeline_logging_id: attemptId(runId, item.retry_count),
      until: now + limits.claimMs,
      at: now,
    });
  }
  return { events, reply: claimed };
}

function settle(state: SchedulesState, result: ClaimResult, { now, limits }: DecideContext): readonly ScheduleEvent[] {
  const item = state.queue.get(result.run_id);
  if (item?.stage !== 'claimed') return [];
  const { run_id, tenant_id } = item;
  switch (result.outcome) {
    case 'started':
      return [{ type: 'item-dispatched', run_id, tenant_id, at: now }];
    case 'held': {
      const until = Math.max(now + 1, Math.min(result.expected ?? now + limits.recheckMs, now + limits.recheckKnownMs));
      const before = result.scope === 'tenant' ? state.queue.holdOf(tenant_id) : item.hold;
      const since = before?.gate === result.gate ? before.since : now;
      const { gate, detail, value = null, limit = null, expected } = result;
      return [
        {
          type: 'item-held',
          run_id,
          tenant_id,
          scope: result.scope,
          hold: { gate, detail, value, limit, since, until, expected },
        },
      ];
    }
    case 'refused':
      return endAndCount(state, item, 'refused', result.detail, now, limits);
    default:
      return result satisfies never;
  }
}

function finish(state: SchedulesState, command: Extract<ScheduleCommand, { type: 'finish-run' }>, context: DecideContext): Decided {
  const runId = state.byLoggingId.get(command.pipeline_logging_id);
  const item = runId === undefined ? undefined : state.queue.get(runId);
  // An attempt that is not the current one, or an item that is gone (invariant 5). The current one counts even where the answer
  // of its admission was lost and the item waits: the run took place.
  if (!item) {
    const waits = state.queue.backlogOf(command.tenant_id) > 0;
    return { events: waits ? [{ type: 'place-freed', tenant_id: command.tenant_id, at: context.now }] : [] };
  }
  const { now, limits, random } = context;
  if (command.status === 'COMPLETE') return { events: [end(item, 'COMPLETED', 'completed', null, now)] };
  if (command.status === 'CANCELLED') return { events: [end(item, 'FAILED', 'cancelled', command.error ?? 'Cancelled', now)] };
  const error = command.error ?? 'The run failed';
  if (command.retryable && item.retry_count < item.max_retries) {
    const backoff = Math.min(limits.retryMaximumMs, limits.retryBaseMs * 2 ** item.retry_count);
    const not_before = now + Math.round(backoff / 2 + (backoff / 2) * fraction(random()));
    return {
      events: [
        {
          type: 'item-retried',
          run_id: item.run_id,
          tenant_id: item.tenant_id,
          retry_count: item.retry_count + 1,
          not_before,
          error,
          at: now,
        },
      ],
    };
  }
  return { events: endAndCount(state, item, command.retryable ? 'retries_exhausted' : 'failed', error, now, limits) };
}

/** A bad night may leave a hundred thousand to sweep; a command takes what the journal takes in one piece. */
const SWEPT_AT_ONCE = 2000;

function sweep(state: SchedulesState, { now, limits }: DecideContext): Decided {
  const events: ScheduleEvent[] = [];
  let swept = 0;
  for (const item of state.queue.items()) {
    if (swept === SWEPT_AT_ONCE) break;
    if (item.stage === 'waiting' && item.expires_at <= now) {
      swept++;
      const waitedFor = state.queue.holdOf(item.tenant_id)?.detail ?? item.hold?.detail;
      events.push(...endAndCount(state, item, 'expired', `Waited longer than it may${waitedFor ? `: ${waitedFor}` : ''}`, now, limits));
    }
  }
  return { events, reply: { swept, more: swept === SWEPT_AT_ONCE } satisfies SweepReply };
}

/** Claims whose settling was lost: claimed again, for the same attempt, so admission answers the same. */
export const lostClaims = (state: SchedulesState, now: number): readonly QueueItem[] =>
  [...state.queue.underWay()].filter((item) => item.stage === 'claimed' && item.claimed_until <= now);

function endAndCount(
  state: SchedulesState,
  item: QueueItem,
  reason: 'failed' | 'retries_exhausted' | 'expired' | 'refused',
  error: string,
  now: number,
  limits: ScheduleLimits,
): readonly ScheduleEvent[] {
  const events: ScheduleEvent[] = [end(item, 'FAILED', reason, error, now)];
  const schedule = item.config_id ? state.schedules.get(item.config_id) : undefined;
  if (!schedule?.is_active) return events;
  const { config_id, tenant_id } = schedule;
  const failures = schedule.consecutive_failures + 1;
  const pipeline = pipelineIdOf(schedule);
  if (failures >= limits.pauseAfterFailures) {
    const reason = `Paused after ${failures} failures in a row; the last: ${shortened(error)}`;
    const text = `The schedule ${config_id} of ${pipeline} is paused after ${failures} failures in a row.\nThe last: ${shortened(error)}\n\nMend the cause, then switch it on again: PATCH is_active to true.`;
    events.push({ type: 'schedule-paused', config_id, tenant_id, reason, notice: notice('paused', item, text), at: now });
  } else if (failures === limits.warnAfterFailures) {
    const text = `The schedule ${config_id} of ${pipeline} failed ${failures} times in a row.\nThe last: ${shortened(error)}\n\nAfter ${limits.pauseAfterFailures} it pauses itself.`;
    events.push({ type: 'schedule-warned', config_id, tenant_id, failures, notice: notice('warned', item, text), at: now });
  }
  return events;
}

const shortened = (error: string): string => (error.length > 500 ? `${error.slice(0, 499)}\u2026` : error);
const notice = (kind: Notice['kind'], item: QueueItem, text: string): Notice => ({ id: idOf('notice', kind, item.run_id), kind, text });

const end = (
  item: QueueItem,
  outcome: 'COMPLETED' | 'FAILED',
  reason: Extract<ScheduleEvent, { type: 'item-ended' }>['reason'],
  error: string | null,
  at: number,
): ScheduleEvent => ({
  type: 'item-ended',
  run_id: item.run_id,
  tenant_id: item.tenant_id,
  outcome,
  reason,
  error,
  at,
});

/** A number in [0, 1) out of a UUID's first digits. */
const fraction = (uuid: string): number => Number.parseInt(uuid.slice(0, 8), 16) / 2 ** 32;
