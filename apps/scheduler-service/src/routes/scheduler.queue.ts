import { schedulerQueue } from '@convergence/contracts';
import { route } from '@convergence/service';
import { holdAmong, queueItemView, queueOrder } from '../queue-order.ts';
import type { Scheduler } from '../scheduler.ts';

/** The cursor is a position: the queue moves, so pages show it as it was at each look. */
export const schedulerQueueRoute = ({ slice, clock, dispatcher }: Pick<Scheduler, 'slice' | 'clock' | 'dispatcher'>) =>
  route(schedulerQueue, ({ query }) => {
    const now = clock.now();
    const limit = query.limit ?? 50;
    const from = Math.max(0, Number.parseInt(query.cursor ?? '0', 10) || 0);
    const ordered = queueOrder(slice.state, now).map((placed, index) => ({ placed, position: index + 1 }));
    const asked = query.tenant_id === undefined ? ordered : ordered.filter(({ placed }) => placed.item.tenant_id === query.tenant_id);
    const { inFlight } = dispatcher;
    const items = asked
      .slice(from, from + limit)
      .map(({ placed, position }) => queueItemView({ ...placed, hold: holdAmong(placed, inFlight) }, position, now));
    return { body: { items, next_cursor: from + limit < asked.length ? String(from + limit) : null } };
  });
