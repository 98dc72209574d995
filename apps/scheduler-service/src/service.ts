/**
 * scheduler-service: fires schedules on time, keeps the fair queue, hands runs to admission, hears how they end.
 */
import type { AdmitResponse, Principal } from '@convergence/contracts';
import type { TemplateCatalogue } from '@convergence/pipelines';
import type { Bus, Clock } from '@convergence/ports';
import type { BuildContext, Built } from '@convergence/service';
import type { SchedulerConfig } from './config.ts';
import { Dispatcher } from './dispatcher.ts';
import { subscriptions } from './handlers/handlers.ts';
import { measure } from './measure.ts';
import { routes } from './routes/routes.ts';
import type { Admission, Scheduler, SchedulesSlice } from './scheduler.ts';
import { Timekeeper } from './timekeeper.ts';

export interface SchedulerParts {
  readonly slice: SchedulesSlice;
  readonly templates: TemplateCatalogue;
  readonly bus: Bus;
  readonly clock: Clock;
}
const ITSELF: Principal = { kind: 'service', service: 'scheduler-service' };

export function schedulerService(context: BuildContext<SchedulerConfig>, { slice, templates, bus, clock }: SchedulerParts): Built {
  const { log, metrics } = context;
  const dispatcher = new Dispatcher({
    slice,
    templates,
    admission: admissionAt(context),
    clock,
    log,
    maxInFlight: context.config.maxInFlight,
  });
  const timekeeper = new Timekeeper(slice, clock, log, () => dispatcher.poke());
  const scheduler: Scheduler = { slice, templates, dispatcher, timekeeper, clock, log, metrics };
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
    },
    stop: [() => bus.close(), () => slice.close(), () => Promise.all([timekeeper.stop(), dispatcher.stop()])],
  };
}

function admissionAt({ client, config }: BuildContext<SchedulerConfig>): Admission {
  const tenantService = client('tenant-service', config.tenantServiceUrl);
  return {
    admit: (runs) =>
      tenantService.call<AdmitResponse>({
        method: 'POST',
        path: '/internal/admissions',
        principal: ITSELF,
        body: { runs },
        idempotent: true,
        timeoutMs: 10_000,
      }),
  };
}
