/** The whole of local-cloud on one screen: which products run, on which ports, sharing what. */
import { startBigQuery } from './bigquery/index.ts';
import { startScheduler } from './cloud-scheduler/index.ts';
import type { Config } from './config.ts';
import { controlRoutes, createControl } from './control/index.ts';
import { lockDataDir } from './data-lock.ts';
import { openIdentity } from './identity/index.ts';
import { startKms } from './kms/index.ts';
import { startPubSub } from './pubsub/index.ts';
import { startStorageWrite } from './storage-write/index.ts';

export interface LocalCloud {
  readonly addresses: Readonly<Record<'pubsub' | 'bigquery' | 'storage' | 'kms', string>>;
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
    const bigquery = keep(await startBigQuery({ ...shared, port: ports.bigquery, project, location, fallback: controlRoutes(control) }));
    const storage = keep(await startStorageWrite({ ...shared, port: ports.storage, store: bigquery.store, streams: bigquery.streams }));
    const kms = keep(await startKms({ ...shared, port: ports.kms }));
    const pubsub = keep(await startPubSub({ ...shared, port: ports.pubsub }));
    keep(
      startScheduler({ jobs: config.jobs, publish: pubsub.publish, log: (message, error) => log(`cloud-scheduler: ${message}`, error) }),
    );
    control.faults.set(config.faults);
    const at = (port: number): string => `127.0.0.1:${port}`;
    return {
      addresses: { pubsub: at(pubsub.port), bigquery: `http://${at(bigquery.port)}`, storage: at(storage.port), kms: at(kms.port) },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
