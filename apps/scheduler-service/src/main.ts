import { randomUUID } from 'node:crypto';
import { googleBus, googleConfig, googleJournalStore, googleWarehouse } from '@convergence/google';
import { warehouseOwnerStore } from '@convergence/journal';
import { loadTemplates } from '@convergence/pipelines';
import { DEFAULT_LIMITS } from '@convergence/schedules';
import { runService, systemClock } from '@convergence/service';
import { openSlice, warehouseTables } from '@convergence/slice';
import { admissionAt } from './admission.ts';
import { schedulerFields } from './config.ts';
import { schedulesDefinition } from './definition.ts';
import { schedulerService } from './service.ts';

/** Composition root: the environment, the real clients, the slice taken over and recovered. */
await runService({
  name: 'scheduler-service',
  fields: schedulerFields,
  env: process.env,
  build: async (context) => {
    const { config, log } = context;
    const google = googleConfig(config);
    const bus = googleBus(google, ({ cause, ...fields }, message) => log.warn({ ...fields, err: cause }, message));
    const warehouse = googleWarehouse(google);
    const journal = googleJournalStore(google, warehouse, { dataset: config.dataset, name: 'scheduler_journal' });
    context.waitingFor('journal', 'the slice is being taken over and recovered');
    const slice = await openSlice({
      definition: schedulesDefinition({
        ...DEFAULT_LIMITS,
        schedulesPerTenant: config.schedulesPerTenant,
        backlogPerTenant: config.backlogPerTenant,
        timeToLiveMs: config.queueHours * 3_600_000,
        warnAfterFailures: config.warnAfterFailures,
        pauseAfterFailures: config.pauseAfterFailures,
      }),
      journal,
      owners: warehouseOwnerStore(warehouse, config.dataset),
      tables: warehouseTables(warehouse, config.dataset),
      bus,
      clock: systemClock,
      instance: randomUUID(),
      checkpointSeconds: config.checkpointSeconds,
      refreshSeconds: config.refreshSeconds,
      onMuch: context.holdsMuch,
      log,
    });
    const templates = await loadTemplates(config.configsDir, {
      refreshSeconds: context.local ? 2 : 0,
      onProblems: (problems) => log.warn({ problems }, 'problems in configs: templates that have any are not served'),
    });
    const built = schedulerService(context, { slice, templates, bus, clock: systemClock, admission: admissionAt(context) });
    return { ...built, stop: [() => warehouse.close(), () => journal.close(), () => templates.close(), ...(built.stop ?? [])] };
  },
});
