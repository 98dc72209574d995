import { MOST_LISTED, type ObjectStore, StepFailure, type StoredObject, tooManyListed } from '@convergence/steps';

/** A bucket or container: all names that begin with a prefix, page by page, and one object into a file. */
export interface ListedObjects {
  list(prefix: string, signal: AbortSignal): AsyncIterable<readonly StoredObject[]>;
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
      const found: StoredObject[] = [];
      for await (const page of objects.list(prefix, signal)) {
        for (const object of page) if (!object.name.endsWith('/')) found.push({ ...object, name: object.name.slice(prefix.length) });
        if (found.length > MOST_LISTED) throw tooManyListed(prefix || 'the bucket');
      }
      return found.sort((a, b) => (a.name < b.name ? -1 : 1));
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
