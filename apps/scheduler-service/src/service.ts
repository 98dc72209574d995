/**
 * scheduler-service: fires schedules on time, keeps the fair queue, hands runs to admission, hears how they end.
 */
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Bus, Clock } from '@convergence/ports';
import type { BuildContext, Built } from '@convergence/service';
import type { Admission } from './admission.ts';
import type { SchedulerConfig } from './config.ts';
import type { SchedulesSlice } from './definition.ts';
import { Dispatcher } from './dispatcher.ts';
import { subscriptions } from './handlers/handlers.ts';
import { measure } from './measure.ts';
import { tellPeople } from './notices.ts';
import { routes } from './routes/routes.ts';
import type { Scheduler } from './scheduler.ts';
import { Timekeeper } from './timekeeper.ts';
import { takeTurns } from './turns.ts';
import { unheard } from './unheard-runs.ts';

export interface SchedulerParts {
  readonly slice: SchedulesSlice;
  readonly templates: TemplateCatalogue;
  readonly bus: Bus;
  readonly admission: Admission;
  readonly clock: Clock;
}

export function schedulerService(
  context: BuildContext<SchedulerConfig>,
  { slice, templates, bus, clock, admission }: SchedulerParts,
): Built {
  const { log, metrics } = context;
  const dispatcher = new Dispatcher({
    slice,
    templates,
    admission,
    clock,
    log,
    maxInFlight: context.config.maxInFlight,
  });
  const timekeeper = new Timekeeper(slice, clock, log, () => dispatcher.poke());
  const turns = [
    takeTurns(clock, log, 60_000, 'asking after runs that were not heard of', unheard({ slice, admission, clock, dispatcher, log })),
    takeTurns(clock, log, 5000, 'telling people of failing schedules', tellPeople({ slice, admission, log })),
  ];
  const scheduler: Scheduler = { slice, templates, admission, dispatcher, timekeeper, clock, log, metrics };
  measure(scheduler);
  slice.onFenced((reason) => context.exit(reason));
  return {
    routes: routes(scheduler),
    bus,
    subscriptions: subscriptions(scheduler),
    ready: {
      'Pub/Sub': () => bus.check(),
      journal: () => {
        if (!slice.ready) throw new Error('the slice is not serving');
      },
    },
    start: async () => {
      timekeeper.start();
      dispatcher.start();
      for (const turn of turns) turn.start();
    },
    stop: [
      () => bus.close(),
      () => slice.close(),
      () => Promise.all([timekeeper.stop(), dispatcher.stop(), ...turns.map((turn) => turn.stop())]),
    ],
  };
}
