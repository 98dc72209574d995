import { Refusal, schedulerQueue } from '@convergence/contracts';
import { route } from '@convergence/service';
import { holdAmong, queueItemView, queueOrder } from '../queue-order.ts';
import type { Scheduler } from '../scheduler.ts';

/** The cursor is a position: the queue moves, so pages show it as it was at each look. */
export const schedulerQueueRoute = ({ slice, clock, dispatcher }: Pick<Scheduler, 'slice' | 'clock' | 'dispatcher'>) =>
  route(schedulerQueue, ({ query }) => {
    const now = clock.now();
    const limit = query.limit ?? 50;
    const from = positionOf(query.cursor);
    const ordered = queueOrder(slice.state, now).map((placed, index) => ({ placed, position: index + 1 }));
    const asked = query.tenant_id === undefined ? ordered : ordered.filter(({ placed }) => placed.item.tenant_id === query.tenant_id);
    const { inFlight } = dispatcher;
    const items = asked
      .slice(from, from + limit)
      .map(({ placed, position }) => queueItemView({ ...placed, hold: holdAmong(placed, inFlight) }, position, now));
    return { body: { items, next_cursor: from + limit < asked.length ? String(from + limit) : null } };
  });

function positionOf(cursor = '0'): number {
  if (!/^\d{1,15}$/.test(cursor)) throw new Refusal('request.invalid', 'The cursor is not one of ours.');
  return Number(cursor);
}
