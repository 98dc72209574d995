import { randomBytes } from 'node:crypto';
import { defaultKeks, googleBus, googleConfig, googleKeys, googleWarehouse } from '@convergence/google';
import { loadTemplates } from '@convergence/pipelines';
import { runService, systemClock } from '@convergence/service';
import { keepSweepingFolders, messengers } from '@convergence/steps';
import { assumeRoleKeys, checkConfig, executorFields } from './config.ts';
import { objectStores } from './object-stores/object-stores.ts';
import { LOOPBACK, outboundFetch } from './outbound-fetch.ts';
import { executorService } from './service.ts';
import { tenantWarehouses } from './tenant-warehouses.ts';

/** Composition root: the environment, the real clients, the templates on disk. */
await runService({
  name: 'executor-service',
  fields: executorFields,
  check: checkConfig,
  env: process.env,
  build: async (context) => {
    const { config, log } = context;
    await keepSweepingFolders({
      removed: (left) => log.info({ left }, 'removed folders of steps whose process was killed'),
      failed: (err) => log.warn({ err }, 'folders of steps whose process was killed could not be removed'),
    });
    const google = googleConfig(config);
    const keks = { ...defaultKeks(google), ...(config.credentialsKmsKey && { credentials: config.credentialsKmsKey }) };
    const bus = googleBus(google, ({ cause, ...fields }, message) => log.warn({ ...fields, err: cause }, message));
    const warehouse = googleWarehouse(google);
    const templates = await loadTemplates(config.configsDir, {
      refreshSeconds: context.local ? 2 : 0,
      onProblems: (problems) => log.warn({ problems }, 'problems in configs: templates that have any are not served'),
    });
    const outbound = outboundFetch([...(context.local ? LOOPBACK : []), ...(config.outboundNetworks?.split(',') ?? [])]);
    return executorService(context, {
      bus,
      warehouse,
      warehouseOf: tenantWarehouses(google),
      keys: googleKeys(google, { keks }),
      templates,
      objectStore: objectStores({
        objectsDir: config.objectsDir,
        fetch: outbound,
        clock: systemClock,
        platformKeys: assumeRoleKeys(config),
        endpoints: {
          google: config.storageHost && `http://${config.storageHost}`,
          aws: config.awsHost && `http://${config.awsHost}`,
          azure: config.azureHost && `http://${config.azureHost}`,
        },
      }),
      messenger: messengers({ smtpUrl: config.smtpUrl, from: config.mailFrom, outbox: config.mailOutbox, fetch: outbound, now: Date.now }),
      fetch: outbound,
      clock: systemClock,
      instance: config.instance ?? randomBytes(4).toString('hex'),
      provision: async () => void (await bus.provision()),
    });
  },
});
