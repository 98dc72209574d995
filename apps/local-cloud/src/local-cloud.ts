/** The whole of local-cloud on one screen: which products run, on which ports, sharing what. */
import { startScheduler } from './cloud-scheduler/index.ts';
import type { Config, Product } from './config.ts';
import { controlRoutes, createControl } from './control/index.ts';
import { lockDataDir } from './data-lock.ts';
import { openIdentity } from './identity/index.ts';

export interface LocalCloud {
  /** Of the products that run, in the order in which they are told. */
  readonly addresses: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startLocalCloud(config: Config, log: (message: string, error?: unknown) => void): Promise<LocalCloud> {
  const unlock = lockDataDir(config.dataDir);
  const { dataDir, ports, project, location } = config;
  const control = createControl({ limits: config.limits });
  const identity = openIdentity({ dataDir, strict: config.strictAuth });
  const started: { close(): unknown }[] = [{ close: unlock }];
  const close = async (): Promise<void> => {
    while (started.length > 0) {
      await started.pop()!.close();
    }
  };
  const keep = <T extends { close(): unknown }>(product: T): T => {
    started.push(product);
    return product;
  };
  try {
    const shared = { dataDir, control, identity, log };
    const wanted = (product: Product): boolean => config.products.includes(product);
    const at = (port: number): string => `127.0.0.1:${port}`;
    const addresses: Record<string, string> = {};
    if (wanted('pubsub')) {
      const { startPubSub } = await import('./pubsub/index.ts');
      const { port, publish } = keep(await startPubSub({ ...shared, port: ports.pubsub }));
      addresses.pubsub = at(port);
      keep(startScheduler({ jobs: config.jobs, publish, log: (message, error) => log(`cloud-scheduler: ${message}`, error) }));
    }
    if (wanted('bigquery')) {
      const { startBigQuery } = await import('./bigquery/index.ts');
      const { startStorageWrite } = await import('./storage-write/index.ts');
      const bigquery = keep(await startBigQuery({ ...shared, port: ports.bigquery, project, location, fallback: controlRoutes(control) }));
      const { store, streams } = bigquery;
      const storage = keep(await startStorageWrite({ ...shared, port: ports.storage, store, streams }));
      addresses.bigquery = `http://${at(bigquery.port)}`;
      addresses.storage = at(storage.port);
    }
    if (wanted('kms')) {
      const { startKms } = await import('./kms/index.ts');
      addresses.kms = at(keep(await startKms({ ...shared, port: ports.kms })).port);
    }
    control.faults.set(config.faults);
    return { addresses, close };
  } catch (error) {
    await close();
    throw error;
  }
}
