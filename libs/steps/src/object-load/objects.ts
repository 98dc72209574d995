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
