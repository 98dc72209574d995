import type { Route } from '@convergence/service';
import type { Scheduler } from '../scheduler.ts';
import { pipelinesBackfillRoute } from './pipelines.backfill.ts';
import { runsCancelRoute } from './runs.cancel.ts';
import { runsGetRoute } from './runs.get.ts';
import { runsWhyRoute } from './runs.why.ts';
import { schedulerQueueRoute } from './scheduler.queue.ts';
import { schedulerStatusRoute } from './scheduler.status.ts';
import { schedulesChangeRoute } from './schedules.change.ts';
import { schedulesCreateRoutes } from './schedules.create.ts';
import { schedulesDisableRoutes } from './schedules.disable.ts';
import { schedulesListRoutes } from './schedules.list.ts';
import { queueTickRoute, scheduleTickRoute } from './ticks.ts';

export const routes = (scheduler: Scheduler): readonly Route[] => [
  ...schedulesListRoutes(scheduler),
  ...schedulesCreateRoutes(scheduler),
  schedulesChangeRoute(scheduler),
  ...schedulesDisableRoutes(scheduler),
  pipelinesBackfillRoute(scheduler),
  schedulerStatusRoute(scheduler),
  schedulerQueueRoute(scheduler),
  scheduleTickRoute(scheduler),
  queueTickRoute(scheduler),
  runsGetRoute(scheduler),
  runsWhyRoute(scheduler),
  runsCancelRoute(scheduler),
];
