/** The queue as people ask about it: in true dispatch order, each item with its reason for waiting. */
import type { QueueItem as Resource } from '@convergence/contracts';
import { type Hold, pipelineIdOf, type QueueItem, type SchedulesState } from '@convergence/schedules';
import type { Dispatcher } from './dispatcher.ts';
import { rfc } from './schedule-view.ts';

export interface Placed {
  readonly item: QueueItem;
  /** What is in its way besides its turn; null when nothing is. */
  readonly hold: Hold | null;
}

/** Ordering a hundred thousand items takes a moment in which nothing fires: of a queue that long, looks within a second share one. */
const LONG = 10_000;
const SHARED_MS = 1000;
const looks = new WeakMap<SchedulesState, { readonly at: number; readonly order: readonly Placed[] }>();

/** What is under way first, then what goes next, then what is held, soonest expected first. */
export function queueOrder(state: SchedulesState, now: number): readonly Placed[] {
  if (state.queue.size <= LONG) return ordered(state, now);
  const last = looks.get(state);
  if (last && Math.abs(now - last.at) < SHARED_MS) return last.order;
  const order = ordered(state, now);
  looks.set(state, { at: now, order });
  return order;
}

function ordered(state: SchedulesState, now: number): readonly Placed[] {
  const { queue } = state;
  const ready = queue.pick(now, Number.POSITIVE_INFINITY);
  const seen = new Set(ready);
  const held: (Placed & { expected: number })[] = [];
  for (const item of queue.items()) {
    if (item.stage !== 'waiting' || seen.has(item)) continue;
    const hold = holdOf(state, item, now) ?? behindItsLike(item);
    held.push({ item, hold, expected: hold.expected ?? Number.POSITIVE_INFINITY });
  }
  held.sort((a, b) => (a.expected === b.expected ? a.item.added_at - b.item.added_at : a.expected - b.expected));
  return [...[...queue.underWay(), ...ready].map((item) => ({ item, hold: null })), ...held];
}

function holdOf(state: SchedulesState, item: QueueItem, now: number): Hold | null {
  const tenant = state.queue.holdOf(item.tenant_id);
  return tenant && tenant.until > now ? tenant : state.queue.gateOf(item, now);
}

/** Nothing holds it but one of the same schedule or backfill that goes first. */
const behindItsLike = ({ backfill_id, added_at }: QueueItem): Hold => ({
  gate: backfill_id ? 'backfill_concurrency' : 'same_schedule',
  detail: backfill_id ? 'Earlier dates of the backfill go first' : 'An earlier run of this schedule goes first',
  since: added_at,
  until: Number.POSITIVE_INFINITY,
  expected: null,
});

/** What waits and nothing else holds goes next, unless no place is free. */
export const holdAmong = ({ item, hold }: Placed, { value, limit, fullSince }: Dispatcher['inFlight']): Hold | null =>
  hold ??
  (item.stage === 'waiting' && value >= limit
    ? {
        gate: 'scheduled_runs_in_flight',
        detail: `${value} scheduled runs of all tenants are under way; ${limit} may be`,
        value,
        limit,
        since: Math.max(fullSince ?? 0, item.added_at),
        until: Number.POSITIVE_INFINITY,
        expected: null,
      }
    : null);

export function queueItemView({ item, hold }: Placed, position: number, now: number): Resource {
  return {
    run_id: item.run_id,
    config_id: item.config_id,
    tenant_id: item.tenant_id,
    pipeline_id: pipelineIdOf(item),
    state: item.stage === 'waiting' ? 'QUEUED' : 'PROCESSING',
    lane: item.lane,
    priority: item.priority,
    scheduled_time: new Date(item.scheduled_time).toISOString(),
    added_at: new Date(item.added_at).toISOString(),
    position,
    attempts: item.attempts,
    not_before: item.not_before > now ? rfc(item.not_before) : null,
    waiting: hold && {
      gate: hold.gate,
      detail: hold.detail,
      value: hold.value ?? null,
      limit: hold.limit ?? null,
      since: rfc(hold.since),
      expected: rfc(hold.expected),
    },
  };
}
