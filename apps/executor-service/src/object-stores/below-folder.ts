import { type ObjectStore, StepFailure, type StoredObject } from '@convergence/steps';

/** A bucket or container: all names that begin with a prefix, and one object into a file. */
export interface ListedObjects {
  list(prefix: string, signal: AbortSignal): Promise<readonly StoredObject[]>;
  save(object: StoredObject, path: string, signal: AbortSignal): Promise<void>;
}

/** A folder in it: names are those below it, and what stands for a folder itself is none. */
export function belowFolder(objects: ListedObjects, folders: readonly string[]): ObjectStore {
  const prefix = folders
    .filter(Boolean)
    .map((folder) => `${folder}/`)
    .join('');
  return {
    async list(signal) {
      const listed = await objects.list(prefix, signal);
      return listed
        .filter(({ name }) => !name.endsWith('/'))
        .map((object) => ({ ...object, name: object.name.slice(prefix.length) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    fetch: (object, path, signal) => objects.save({ ...object, name: `${prefix}${object.name}` }, path, signal),
  };
}

export const gone = (object: string, cause?: unknown): StepFailure =>
  new StepFailure('source_not_ready', 'object.not_found', `${object} is listed but not there.`, {
    hint: 'The export may be in the middle of a delivery; it is tried again by itself.',
    transient: true,
    cause,
  });

/** Neither the tenant's account nor its objects: we ask for what the provider does not know. */
export const notForeseen = (provider: string, status: number, code: string): StepFailure =>
  new StepFailure('internal', 'object.refused', `${provider} answered ${status} ${code.replace(/[^\w.]/g, '').slice(0, 60)}.`, {
    hint: 'Ask support with the id of the run.',
  });

export const changed = (object: string): StepFailure =>
  new StepFailure('source_not_ready', 'object.changed', `${object} changed after it was listed.`, {
    hint: 'The export may be in the middle of a delivery; it is tried again by itself.',
    transient: true,
  });
