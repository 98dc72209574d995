import { schedulerStatus } from '@convergence/contracts';
import { route } from '@convergence/service';
import { rfc } from '../schedule-view.ts';
import type { Scheduler } from '../scheduler.ts';

export const schedulerStatusRoute = ({ slice, clock, timekeeper }: Pick<Scheduler, 'slice' | 'clock' | 'timekeeper'>) =>
  route(schedulerStatus, () => {
    const { state } = slice;
    const now = clock.now();
    let oldest = Number.POSITIVE_INFINITY;
    for (const item of state.queue.items()) if (item.stage === 'waiting') oldest = Math.min(oldest, item.added_at);
    const today = state.today.date === new Date(now).toISOString().slice(0, 10) ? state.today : { completed: 0, failed: 0 };
    return {
      body: {
        total_active_pipelines: state.due.size,
        pipelines_due_now: state.due.countUpTo(now),
        pipelines_queued: state.queue.waiting,
        pipelines_running: state.queue.size - state.queue.waiting,
        pipelines_completed_today: today.completed,
        pipelines_failed_today: today.failed,
        oldest_queued_seconds: Number.isFinite(oldest) ? Math.max(0, Math.round((now - oldest) / 1000)) : null,
        last_trigger_time: rfc(timekeeper.lastFiredAt),
      },
    };
  });
