import { type Gate, UUID_PATTERN, WhyPart } from '@convergence/contracts';
import type { QueueItem } from '@convergence/schedules';
import { internalRoute } from '@convergence/service';
import Type from 'typebox';
import { queueOrder } from '../queue-order.ts';
import { rfc } from '../schedule-view.ts';
import type { Scheduler } from '../scheduler.ts';

/** The scheduler's gates of a run, by the id of the scheduled run or of its current attempt. */
export const runsWhyRoute = (scheduler: Pick<Scheduler, 'slice' | 'clock' | 'dispatcher'>) =>
  internalRoute(
    {
      method: 'GET',
      path: '/internal/runs/{run_id}/why',
      callers: ['gateway'],
      params: Type.Object({ run_id: Type.String({ pattern: UUID_PATTERN }) }),
      response: WhyPart,
    },
    ({ params }) => {
      const { state } = scheduler.slice;
      const item = state.queue.get(state.byLoggingId.get(params.run_id) ?? params.run_id);
      if (!item) return { body: { tenant_id: null, status: null, gates: [] } };
      const status = item.stage === 'running' ? 'RUNNING' : 'PENDING';
      return { body: { tenant_id: item.tenant_id, status, gates: gatesOf(item, scheduler) } };
    },
  );

export function gatesOf(item: QueueItem, { slice, clock, dispatcher }: Pick<Scheduler, 'slice' | 'clock' | 'dispatcher'>): Gate[] {
  const ordered = queueOrder(slice.state, clock.now());
  // 0: it came in since the last look at a long queue.
  const position = ordered.findIndex((placed) => placed.item === item) + 1;
  const hold = ordered[position - 1]?.hold ?? null;
  const gates: Gate[] = [];
  if (hold) {
    const { gate, detail, value = null, limit = null, since, expected } = hold;
    gates.push({ gate, state: 'closed', value, limit, since: rfc(since), expected: rfc(expected), detail });
  }
  const waiting = item.stage === 'waiting';
  const { value, limit, fullSince } = dispatcher.inFlight;
  gates.push({
    gate: 'scheduled_runs_in_flight',
    state: waiting ? (value >= limit ? 'closed' : 'open') : 'passed',
    value,
    limit,
    since: rfc(fullSince),
    expected: null,
    detail: `${value} scheduled runs of all tenants are under way; ${limit} may be`,
  });
  gates.push({
    gate: 'queue_position',
    state: waiting ? (hold ? 'closed' : 'open') : 'passed',
    value: position || null,
    limit: ordered.length,
    since: rfc(item.added_at),
    expected: rfc(hold?.expected ?? null),
    detail: !waiting
      ? 'Handed to admission'
      : position > 0
        ? `${position} of ${ordered.length} in the queue`
        : 'Came into the queue a moment ago',
  });
  return gates;
}
