import { Gauge } from 'prom-client';
import type { Scheduler } from './scheduler.ts';

/** What an operator looks at first, read from memory when it is scraped. */
export function measure({ slice, clock, metrics }: Pick<Scheduler, 'slice' | 'clock' | 'metrics'>): void {
  const registers = [metrics.registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('scheduler_queue_waiting', 'Items that wait in the queue', () => slice.state.queue.waiting);
  gauge('scheduler_queue_busy', 'Items that are claimed or running', () => slice.state.queue.size - slice.state.queue.waiting);
  gauge('scheduler_schedules_active', 'Schedules with a next fire', () => slice.state.due.size);
  gauge(
    'scheduler_lateness_seconds',
    'How late the earliest due schedule is',
    () => Math.max(0, (clock.now() - (slice.state.due.earliest ?? Number.POSITIVE_INFINITY)) / 1000) || 0,
  );
}
