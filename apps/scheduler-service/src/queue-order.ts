/** The queue as people ask about it: in true dispatch order, each item with its reason for waiting. */
import type { QueueItem as Resource } from '@convergence/contracts';
import { type Hold, pipelineIdOf, type QueueItem, type SchedulesState } from '@convergence/schedules';
import { rfc } from './schedule-view.ts';

/** What runs first, then what goes next, then what is held, soonest expected first. */
export function queueOrder(state: SchedulesState, now: number): readonly QueueItem[] {
  const ready = state.queue.pick(now, Number.POSITIVE_INFINITY);
  const seen = new Set(ready.map((item) => item.run_id));
  const busy: QueueItem[] = [];
  const held: { item: QueueItem; expected: number }[] = [];
  for (const item of state.queue.items()) {
    if (item.stage !== 'waiting') busy.push(item);
    else if (!seen.has(item.run_id)) held.push({ item, expected: holdOf(state, item, now)?.expected ?? Number.POSITIVE_INFINITY });
  }
  held.sort((a, b) => a.expected - b.expected || a.item.added_at - b.item.added_at);
  return [...busy, ...ready, ...held.map(({ item }) => item)];
}

export function holdOf(state: SchedulesState, item: QueueItem, now: number): Hold | null {
  if (item.stage !== 'waiting') return null;
  const tenant = state.queue.holdOf(item.tenant_id);
  return tenant && tenant.until > now ? tenant : state.queue.ownGate(item, now);
}

export function queueItemView(state: SchedulesState, item: QueueItem, position: number, now: number): Resource {
  const hold = holdOf(state, item, now);
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
    waiting: hold && { gate: hold.gate, detail: hold.detail, since: rfc(hold.since), expected: rfc(hold.expected) },
  };
}
