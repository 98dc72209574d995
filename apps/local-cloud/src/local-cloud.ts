/** The whole of local-cloud on one screen: which products run, on which ports, sharing what. */
import { startBigQuery } from './bigquery/index.ts';
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
  const { dataDir, ports } = config;
  const control = createControl({ limits: config.limits });
  const identity = openIdentity({ dataDir, strict: config.strictAuth });
  const closing: (() => unknown)[] = [unlock];
  const close = async (): Promise<void> => {
    while (closing.length > 0) {
      await closing.pop()!();
    }
  };
  try {
    const pubsub = await startPubSub({ port: ports.pubsub, dataDir, control, identity, log });
    closing.push(() => pubsub.close());
    const kms = await startKms({ port: ports.kms, dataDir, control, identity, log });
    closing.push(() => kms.close());
    const { project, location } = config;
    const bigquery = await startBigQuery({
      port: ports.bigquery,
      dataDir,
      project,
      location,
      identity,
      control,
      log,
      fallback: controlRoutes(control),
    });
    closing.push(() => bigquery.close());
    const { store, streams } = bigquery;
    const storage = await startStorageWrite({ port: ports.storage, store, streams, identity, control, log });
    closing.push(() => storage.close());
    control.faults.set(config.faults);
    const at = (port: number): string => `127.0.0.1:${port}`;
    return {
      addresses: {
        pubsub: at(pubsub.port),
        bigquery: `http://${at(bigquery.port)}`,
        storage: at(storage.port),
        kms: at(kms.port),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
