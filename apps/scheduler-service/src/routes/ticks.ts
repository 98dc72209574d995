import { ProcessQueueAnswer, TICK_ENDPOINTS, TriggerAnswer } from '@convergence/contracts';
import { internalRoute } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';

/** The ticks asked for over HTTP: the same work as their events, with figures for the caller. */
export const scheduleTickRoute = ({ timekeeper, clock }: Pick<Scheduler, 'timekeeper' | 'clock'>) =>
  internalRoute(
    {
      method: 'POST',
      path: TICK_ENDPOINTS.schedule.path,
      callers: ['gateway'],
      body: TICK_ENDPOINTS.schedule.event.data,
      response: TriggerAnswer,
    },
    async ({ body }) => {
      const limit = body.limit ?? 100;
      const { due, queued, skipped } = await timekeeper.fire(limit);
      const hour = 3_600_000;
      return {
        body: {
          triggered_count: queued,
          queued_count: queued,
          skipped_count: skipped.length,
          next_trigger_time: new Date(Math.floor(clock.now() / hour + 1) * hour).toISOString(),
          details: { limit, due_pipelines_found: due, skipped: [...skipped] },
        },
      };
    },
  );

export const queueTickRoute = ({ dispatcher, slice }: Pick<Scheduler, 'dispatcher' | 'slice'>) =>
  internalRoute(
    {
      method: 'POST',
      path: TICK_ENDPOINTS.queue.path,
      callers: ['gateway'],
      body: TICK_ENDPOINTS.queue.event.data,
      response: ProcessQueueAnswer,
    },
    async ({ body }) => {
      const runs = [...(await dispatcher.process(body.max ?? 100))];
      const [first] = runs;
      const waiting = slice.state.queue.waiting;
      const message = first
        ? `Started ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}; ${waiting} wait.`
        : waiting > 0
          ? `Nothing could start; ${waiting} wait. GET /api/v1/scheduler/queue tells why.`
          : 'No pipelines in queue';
      return {
        body: {
          processed: runs.length > 0,
          processed_count: runs.length,
          status: first ? ('PROCESSING' as const) : ('IDLE' as const),
          message,
          ...first,
          runs,
        },
      };
    },
  );
