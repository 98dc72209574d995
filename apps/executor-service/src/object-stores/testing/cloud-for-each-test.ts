import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectStore, StoredObject } from '@convergence/steps';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { type ObjectStoreOptions, objectStores } from '../object-stores.ts';

interface CloudServer {
  readonly host: string;
  readonly objects: Map<string, string>;
  close(): Promise<void>;
}

/** A cloud of its own for each test of the file, and what tests ask of a folder in it; waiting takes no time, and is noted. */
export function cloudForEachTest<Server extends CloudServer>(cloud: {
  readonly start: () => Promise<Server>;
  readonly uri: string;
  readonly secret: Record<string, unknown>;
  readonly reached: (host: string) => Pick<ObjectStoreOptions, 'platformKeys' | 'endpoints'>;
}) {
  const { signal } = new AbortController();
  const time = { now: 0, waited: [] as number[] };
  let current: Server;
  let folder: string;
  beforeEach(async () => {
    current = await cloud.start();
    folder = await mkdtemp(join(tmpdir(), 'cloud-'));
    time.now = Date.now();
    time.waited = [];
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
    await current.close();
  });
  const server = new Proxy({} as Server, {
    get: (_, part) => Reflect.get(current, part),
    set: (_, part, value) => Reflect.set(current, part, value),
  });
  const open = (uri = cloud.uri, secret = cloud.secret, more: Partial<ObjectStoreOptions> = {}) =>
    objectStores({
      objectsDir: folder,
      fetch,
      clock: { now: () => time.now, sleep: async (ms) => void time.waited.push(ms / 1000) },
      ...cloud.reached(current.host),
      ...more,
    })(uri, {
      tenantId: 'acme_corp',
      credential: async (provider) => ({ credential_id: 'c', provider, project_id: null, secret }),
    });
  const first = async (store: ObjectStore): Promise<StoredObject> => {
    const [object] = await store.list(signal);
    if (!object) throw new Error('nothing is listed');
    return object;
  };
  return {
    server,
    time,
    signal,
    open,
    names: async (uri?: string, secret?: Record<string, unknown>) => (await (await open(uri, secret)).list(signal)).map((o) => o.name),
    /** The first object of the folder, as it was listed. */
    async fetched(): Promise<string> {
      const store = await open();
      await store.fetch(await first(store), join(folder, 'x'), signal);
      return readFile(join(folder, 'x'), 'utf8');
    },
    /** Of the object with that key: one that is another by now, or gone, is not read, and may be right the next time. */
    async mustBeAsListed(key: string): Promise<void> {
      server.objects.set(key, 'x');
      const store = await open();
      const object = await first(store);
      const fetching = () => store.fetch(object, join(folder, 'x'), signal);
      server.objects.set(key, 'y');
      await expect(fetching()).rejects.toMatchObject({ code: 'object.changed', transient: true });
      server.objects.delete(key);
      await expect(fetching()).rejects.toMatchObject({ code: 'object.not_found', transient: true });
    },
  };
}
