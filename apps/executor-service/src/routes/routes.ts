import type { Route } from '@convergence/service';
import type { Executor } from '../executor.ts';
import { runsCancelRoute } from './runs.cancel.ts';
import { runsEventsRoute } from './runs.events.ts';
import { runsDqRoute, runsGetRoute, runsStepsRoute } from './runs.get.ts';
import { runsListRoute, tenantRunsListRoute } from './runs.list.ts';
import { runsRetryRoute } from './runs.retry.ts';
import { runsWhyRoute } from './runs.why.ts';
import { templatesGetRoute, templatesListRoute } from './templates.list.ts';

export const routes = (executor: Executor): Route[] => [
  runsListRoute(executor),
  tenantRunsListRoute(executor),
  runsGetRoute(executor),
  runsStepsRoute(executor),
  runsDqRoute(executor),
  runsEventsRoute(executor),
  runsCancelRoute(executor),
  runsRetryRoute(executor),
  runsWhyRoute(executor),
  templatesListRoute(executor),
  templatesGetRoute(executor),
];
