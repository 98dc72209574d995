import { runCompleted } from '@convergence/contracts';
import type { ScheduleCommand } from '@convergence/schedules';
import { type EventHandler, on } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';

/** A run ended: its item completes or is tried again, and its tenant has a place free. */
export const runCompletedHandler = ({ slice, dispatcher }: Pick<Scheduler, 'slice' | 'dispatcher'>): EventHandler =>
  on(runCompleted, async (batch) => {
    const commands = batch.map(
      ({ data }): ScheduleCommand => ({
        type: 'finish-run',
        tenant_id: data.tenant_id,
        pipeline_logging_id: data.run_id,
        status: data.status,
        retryable: data.retryable,
        error: data.error ? [data.error.message, data.error.hint].filter(Boolean).join(' ') : null,
      }),
    );
    await slice.executeMany(commands, { actor: { service: 'executor-service' } });
    dispatcher.poke();
  });
