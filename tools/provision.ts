/**
 * Makes what the services need and is missing: topics with subscriptions, keys, datasets, tables, views, and who
 * may write what. `npm start` runs it before the services; a deployment runs it before a rollout (`npm run provision`). Running it again changes nothing. It waits half a minute for
 * a cloud that does not answer yet.
 */
import { Transient } from '@convergence/contracts';
import { defaultKeks, type GoogleConfig, googleBus, googleKeys, googleWarehouse, hostsFrom } from '@convergence/google';
import { provisionOwner } from '@convergence/journal';
import { baseFields, ConfigError, parseConfig, text } from '@convergence/service';
import { grantCentralAccess, provisionTables, SLICES } from '@convergence/tables';

const PATIENCE_MS = 30_000;
const { project, dataset, location } = baseFields(0);
const fields = {
  project,
  dataset,
  location,
  apiKeysKmsKey: text('API_KEYS_KMS_KEY', { default: undefined }),
  credentialsKmsKey: text('CREDENTIALS_KMS_KEY', { default: undefined }),
};

try {
  const config = parseConfig('provision', fields, process.env);
  const google: GoogleConfig = {
    project: config.project,
    location: config.location,
    hosts: hostsFrom(process.env),
    token: process.env.LOCAL_CLOUD_TOKEN,
  };
  const named = defaultKeks(google);
  const bus = googleBus(google);
  const warehouse = googleWarehouse(google);
  const keys = googleKeys(google, {
    keks: { ...named, 'api-keys': config.apiKeysKmsKey ?? named['api-keys'], credentials: config.credentialsKmsKey ?? named.credentials },
  });
  const tables = async () => {
    const made = await provisionTables({ warehouse, dataset: config.dataset, location: config.location });
    made.push(...(await grantCentralAccess(warehouse, config.dataset)));
    for (const slice of Object.values(SLICES)) if (await provisionOwner(warehouse, config.dataset, slice)) made.push(slice);
    return made;
  };
  await answering(() => warehouse.check());
  const made = await Promise.all([bus.provision(), keys.provision(), tables()]);
  await Promise.all([bus.close(), warehouse.close(), keys.close()]);
  const count = made.flat().length;
  console.log(count === 0 ? 'Nothing was missing.' : `${count} topics, subscriptions, keys, datasets, tables, views and grants made.`);
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
}

async function answering(check: () => Promise<unknown>): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (!(error instanceof Transient) || Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
