import { randomUUID } from 'node:crypto';
import { defaultKeks, googleBus, googleConfig, googleJournalStore, googleKeys, googleWarehouse } from '@convergence/google';
import { warehouseOwnerStore } from '@convergence/journal';
import { runService, systemClock } from '@convergence/service';
import { openSlice, warehouseTables } from '@convergence/slice';
import { checkConfig, tenantFields } from './config.ts';
import { tenantsDefinition } from './definition.ts';
import { mailer } from './mail/mailer.ts';
import { tenantService } from './service.ts';
import { usageSince } from './usage-since.ts';

/** Composition root: the environment, the real clients, the slice taken over and recovered. */
await runService({
  name: 'tenant-service',
  fields: tenantFields,
  check: checkConfig,
  env: process.env,
  build: async (context) => {
    const { config, log } = context;
    const { dataset, location } = config;
    const google = googleConfig(config);
    const local = defaultKeks(google);
    const keks = {
      'api-keys': config.apiKeysKmsKey ?? local['api-keys'],
      credentials: config.credentialsKmsKey ?? local.credentials,
    };
    const bus = googleBus(google, ({ cause, ...fields }, message) => log.warn({ ...fields, err: cause }, message));
    const warehouse = googleWarehouse(google);
    const journal = googleJournalStore(google, warehouse, { dataset, name: 'tenant_journal' });
    const instance = config.instance ?? randomUUID();
    context.waitingFor('journal', 'the slice is being taken over and recovered');
    const slice = await openSlice({
      definition: tenantsDefinition(await usageSince(warehouse, dataset, location)),
      journal,
      owners: warehouseOwnerStore(warehouse, dataset),
      tables: warehouseTables(warehouse, dataset),
      bus,
      clock: systemClock,
      instance,
      checkpointSeconds: config.checkpointSeconds,
      refreshSeconds: config.refreshSeconds,
      onMuch: context.holdsMuch,
      log,
    });
    const built = tenantService(context, {
      slice,
      bus,
      keys: googleKeys(google, { keks }),
      warehouse,
      clock: systemClock,
      mailer: mailer({ smtpUrl: config.smtpUrl, from: config.mailFrom, outbox: config.mailOutbox }),
      instance,
    });
    return { ...built, stop: [() => journal.close(), ...(built.stop ?? [])] };
  },
});
