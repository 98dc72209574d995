/** Composes the keys and serves them over gRPC. */
import { join } from 'node:path';
import type { Control } from '../control/index.ts';
import { admission } from '../grpc/admission.ts';
import { descriptors, listen } from '../grpc/server.ts';
import type { Identity } from '../identity/index.ts';
import { adminRpcs } from './admin-rpcs.ts';
import { cryptoRpcs } from './crypto-rpcs.ts';
import { readKeyFile, writeKeyFile } from './key-file.ts';
import { Keys } from './keys.ts';

export interface Kms {
  readonly port: number;
  close(): Promise<void>;
}

const FAULT_POINTS = {
  'kms.unavailable': 'an RPC answers UNAVAILABLE',
  'kms.slow': 'an RPC waits before it works',
  'kms.corrupt': 'one bit of the answer is flipped on its way, so that its checksum does not match',
};

export async function startKms(options: {
  readonly port: number;
  readonly dataDir: string;
  readonly control: Control;
  readonly identity: Identity;
  readonly log: (message: string, error?: unknown) => void;
}): Promise<Kms> {
  const { control, log } = options;
  control.faults.declare(FAULT_POINTS);
  const path = join(options.dataDir, 'kms-keys.json');
  const keys = new Keys(readKeyFile(path), (content) => writeKeyFile(path, content));
  const server = await listen({
    port: options.port,
    admit: admission(options.identity),
    maxRequestBytes: 4 * 1024 * 1024,
    onBug: (method, error) => log(`kms: ${method} failed`, error),
    services: [
      {
        root: descriptors('@google-cloud/kms/build/protos/protos.json'),
        name: 'google.cloud.kms.v1.KeyManagementService',
        handlers: { ...adminRpcs(keys, control), ...cryptoRpcs(keys, control) },
      },
    ],
  });
  return { port: server.port, close: () => server.close() };
}
