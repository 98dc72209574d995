/** Objects of a bucket in Cloud Storage, and what it refuses in words for who can do something about it. */
import { BucketRefused, googleBucket } from '@convergence/google';
import { type Credential, changed, StepFailure } from '@convergence/steps';
import { serviceAccountOf } from '../tenant-warehouses.ts';
import { gone, type ListedObjects } from './below-folder.ts';

export function googleObjects(options: {
  readonly bucket: string;
  readonly credential: () => Promise<Credential>;
  readonly endpoint: string | undefined;
}): ListedObjects {
  const { bucket, endpoint } = options;
  const objects = googleBucket({ bucket, endpoint, account: async () => serviceAccountOf(await options.credential()) });
  return {
    async *list(prefix, signal) {
      try {
        for await (const page of objects.list(prefix, signal))
          yield page.map(({ generation, ...object }) => ({ ...object, etag: generation }));
      } catch (cause) {
        refused(cause, bucket, undefined);
      }
    },
    save: ({ name, etag: generation }, path, signal) =>
      objects.save({ name, generation }, path, signal).catch((cause: unknown) => refused(cause, bucket, name)),
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
  if (cause.status === 412 && object !== undefined) throw changed(object);
  if (cause.status === 404 && object !== undefined) throw gone(object, cause);
  if (cause.status === 404)
    throw new StepFailure('source_not_ready', 'object.not_found', `There is no bucket ${bucket}.`, { hint: 'Check its name.', cause });
  throw cause;
}
