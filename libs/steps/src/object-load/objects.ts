import { StepFailure } from '../failure.ts';

/** Where exports lie: a folder of objects, listed and fetched. One interface for every cloud. */
export interface ObjectStore {
  /** Names below the prefix, in order. */
  list(signal: AbortSignal): Promise<readonly StoredObject[]>;
  /** Into a file on this machine, as it was listed. */
  fetch(object: StoredObject, path: string, signal: AbortSignal): Promise<void>;
}
export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /** Changes with the content. */
  readonly etag: string;
}

/** Below one folder: a list stays in memory while its objects are read. */
export const MOST_LISTED = 100_000;
export const tooManyListed = (where: string): StepFailure =>
  new StepFailure('quota', 'object.too_many', `More than ${MOST_LISTED} objects lie below ${where}.`, {
    hint: 'Let `from` name a narrower folder, such as that of one day.',
  });
export const changed = (object: string): StepFailure =>
  new StepFailure('source_not_ready', 'object.changed', `${object} changed after it was listed.`, {
    hint: 'The export may be in the middle of a delivery; it is tried again by itself.',
    transient: true,
  });
