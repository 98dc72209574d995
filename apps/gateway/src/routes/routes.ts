import type { Bus } from '@convergence/ports';
import { answeredOnce } from '../answered-once.ts';
import type { Handle } from '../forward.ts';
import type { TickTools } from '../tick.ts';
import type { RunOwners } from '../whoever-has-it.ts';
import { deadLettersListRoute } from './dead-letters.list.ts';
import { deadLettersRedriveRoute } from './dead-letters.redrive.ts';
import { pipelinesRunRoute, type RunTools } from './pipelines.run.ts';
import { runsCancelRoute } from './runs.cancel.ts';
import { runsEventsRoute } from './runs.events.ts';
import { runsDqRoute, runsGetRoute, runsStepsRoute } from './runs.get.ts';
import { runsWhyRoute } from './runs.why.ts';
import { schedulerCleanupOrphanedPipelinesRoute } from './scheduler.cleanup-orphaned-pipelines.ts';
import { schedulerProcessQueueRoute } from './scheduler.process-queue.ts';
import { schedulerResetDailyQuotasRoute } from './scheduler.reset-daily-quotas.ts';
import { schedulerTriggerRoute } from './scheduler.trigger.ts';

/** The operations that the gateway answers itself; every other one goes to its owner. */
export function ownRoutes(tools: TickTools & RunTools & RunOwners & { readonly bus: Bus }): Readonly<Record<string, Handle>> {
  const once = (handle: Handle) => answeredOnce(tools.owners, handle);
  return {
    'pipelines.run': pipelinesRunRoute(tools),
    'runs.get': runsGetRoute(tools),
    'runs.steps': runsStepsRoute(tools),
    'runs.dq': runsDqRoute(tools),
    'runs.events': runsEventsRoute(tools),
    'runs.why': runsWhyRoute(tools),
    'runs.cancel': once(runsCancelRoute(tools)),
    'scheduler.trigger': once(schedulerTriggerRoute(tools)),
    'scheduler.process-queue': once(schedulerProcessQueueRoute(tools)),
    'scheduler.reset-daily-quotas': once(schedulerResetDailyQuotasRoute(tools)),
    'scheduler.cleanup-orphaned-pipelines': once(schedulerCleanupOrphanedPipelinesRoute(tools)),
    'dead-letters.list': deadLettersListRoute(tools),
    'dead-letters.redrive': once(deadLettersRedriveRoute(tools)),
  };
}
