import { BucketRefused, type GoogleBucket, googleBucket } from '@convergence/google';
import { type Credential, folderStore, type ObjectStore, StepFailure } from '@convergence/steps';
import { serviceAccountOf } from './tenant-warehouses.ts';

const MIRROR = ' Copy the export into a bucket of Cloud Storage or such a folder first, manifest included.';
const ELSEWHERE: Readonly<Record<string, string>> = { s3: MIRROR, azure: MIRROR };
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/;

type Credentials = (provider: string) => Promise<Credential>;

/** Which store a URI names. */
export function objectStores(options: {
  readonly objectsDir: string;
  /** Cloud Storage on this machine; undefined: Google's. */
  readonly storageEndpoint: string | undefined;
}): (uri: string, credential: Credentials) => Promise<ObjectStore> {
  return async (uri, credential) => {
    const [, scheme, rest = ''] = /^([a-z0-9]+):(?:\/\/)?(.*)$/.exec(uri) ?? [];
    if (scheme === 'file') return folderStore(options.objectsDir, rest);
    const [bucket = '', ...folders] = rest.split('/');
    if (scheme === 'gs' && BUCKET.test(bucket)) {
      const account = async () => serviceAccountOf(await credential('gcp'));
      return bucketStore(googleBucket({ bucket, account, endpoint: options.storageEndpoint }), bucket, folders.filter(Boolean).join('/'));
    }
    throw new StepFailure('schema', 'object.scheme', `Objects can not be read from ${JSON.stringify(uri.slice(0, 100))}.`, {
      hint: `This executor reads gs://bucket/folder and file: folders.${ELSEWHERE[scheme ?? ''] ?? ''}`,
    });
  };
}

/** A folder of a bucket: names are those below it, and what stands for a folder itself is none. */
function bucketStore(objects: GoogleBucket, bucket: string, folder: string): ObjectStore {
  const prefix = folder === '' ? '' : `${folder}/`;
  return {
    async list(signal) {
      const listed = await objects.list(prefix, signal).catch((cause: unknown) => refused(cause, bucket, undefined));
      return listed
        .filter(({ name }) => !name.endsWith('/'))
        .map((object) => ({ ...object, name: object.name.slice(prefix.length) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    fetch: (name, path, signal) => objects.save(`${prefix}${name}`, path, signal).catch((cause: unknown) => refused(cause, bucket, name)),
  };
}

function refused(cause: unknown, bucket: string, object: string | undefined): never {
  if (!(cause instanceof BucketRefused)) throw cause;
  if (cause.status === 401)
    throw new StepFailure('credential', 'object.credential', 'Cloud Storage does not take the GCP credential.', {
      hint: 'The key was revoked or its account is gone: store a new one.',
      cause,
    });
  if (cause.status === 403)
    throw new StepFailure('permission', 'object.access_denied', `The service account may not read the bucket ${bucket}.`, {
      hint: `Grant it roles/storage.objectViewer on ${bucket}.`,
      cause,
    });
  if (cause.status === 404 && object !== undefined)
    throw new StepFailure('source_not_ready', 'object.not_found', `${object} is listed but not there.`, {
      hint: 'The export may be in the middle of a delivery; it is tried again by itself.',
      transient: true,
      cause,
    });
  if (cause.status === 404)
    throw new StepFailure('source_not_ready', 'object.not_found', `There is no bucket ${bucket}.`, { hint: 'Check its name.', cause });
  throw cause;
}
