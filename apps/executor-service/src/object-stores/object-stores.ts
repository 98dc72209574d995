/**
 * Which store a URI names, and how it is reached.
 *
 * 1. A URI names a bucket, a container or a folder, never a host: addresses are made here, and whoever operates the platform may name another
 * machine for tests only. 2. Stores of a cloud are asked with the tenant's own credential, opened when the first request needs it.
 */
import type { Clock } from '@convergence/ports';
import { type Credential, folderStore, type ObjectStore, StepFailure } from '@convergence/steps';
import { awsSession } from './aws-session.ts';
import { AZURE_ACCOUNT, AZURE_CONTAINER, AZURE_SCOPE, azureObjects } from './azure-objects.ts';
import { belowFolder } from './below-folder.ts';
import { entraToken } from './entra-token.ts';
import type { Line } from './exchange.ts';
import { googleObjects } from './google-objects.ts';
import { S3_BUCKET, s3Objects } from './s3-objects.ts';
import type { AwsKeys } from './sigv4.ts';

const GOOGLE_BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

export interface ObjectStoreOptions {
  readonly objectsDir: string;
  /** For S3, STS, Azure Storage and Entra ID. */
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Who assumes the roles of tenants at AWS. */
  readonly platformKeys: AwsKeys | undefined;
  /** Clouds on this machine, for tests; undefined: the real ones. */
  readonly endpoints: {
    readonly google?: string | undefined;
    readonly aws?: string | undefined;
    readonly azure?: string | undefined;
  };
}

/** On whose behalf. */
export interface Holder {
  readonly tenantId: string;
  readonly credential: (provider: string) => Promise<Credential>;
}

export type OpenObjectStore = (uri: string, holder: Holder) => Promise<ObjectStore>;

export function objectStores(options: ObjectStoreOptions): OpenObjectStore {
  const { fetch, clock, endpoints } = options;
  const line = (to: string): Line => ({ to, fetch, clock });
  return async (uri, { tenantId, credential }) => {
    const [, scheme, rest = ''] = /^([a-z0-9]+):(?:\/\/)?(.*)$/.exec(uri) ?? [];
    if (scheme === 'file') return folderStore(options.objectsDir, rest);
    const [first = '', ...folders] = rest.split('/');
    if (scheme === 'gs' && GOOGLE_BUCKET.test(first))
      return belowFolder(googleObjects({ bucket: first, credential: () => credential('gcp'), endpoint: endpoints.google }), folders);
    if (scheme === 's3' && S3_BUCKET.test(first)) {
      const endpoint = endpoints.aws;
      const session = awsSession({
        line: line('AWS STS'),
        tenantId,
        credential: () => credential('aws'),
        platformKeys: options.platformKeys,
        endpoint,
      });
      return belowFolder(s3Objects({ bucket: first, line: line('Amazon S3'), session, endpoint }), folders);
    }
    const [container = '', ...below] = folders;
    if (scheme === 'azure' && AZURE_ACCOUNT.test(first) && AZURE_CONTAINER.test(container)) {
      const endpoint = endpoints.azure;
      const token = entraToken({ line: line('Microsoft Entra ID'), credential: () => credential('azure'), scope: AZURE_SCOPE, endpoint });
      return belowFolder(azureObjects({ account: first, container, line: line('Azure Storage'), token, endpoint }), below);
    }
    throw new StepFailure('schema', 'object.scheme', `Objects can not be read from ${JSON.stringify(uri.slice(0, 100))}.`, {
      hint: 'This executor reads s3://bucket/folder, azure://account/container/folder, gs://bucket/folder and file: folders.',
    });
  };
}
