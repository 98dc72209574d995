/**
 * Data keys in memory: wrapped once, used for minutes.
 *
 * 1. A tenant's new values are sealed with one data key of its own until it expires here. 2. Unwrapped keys live here alone, at most
 * `ttl` long and `capacity` many, and are overwritten when they go. 3. Two callers never have one key made or unwrapped twice at once.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Kms } from './kms.ts';

export interface DataKey {
  readonly plain: Buffer;
  readonly wrapped: Buffer;
}
interface Kept {
  readonly key: Promise<DataKey>;
  readonly until: number;
}

export function dataKeys(kms: Kms, options: { readonly ttlMilliseconds: number; readonly capacity: number; now(): number }) {
  const { ttlMilliseconds, capacity, now } = options;
  const kept = new Map<string, Kept>();

  function remembered(name: string, make: () => Promise<DataKey>): Promise<DataKey> {
    const found = kept.get(name);
    if (found && found.until > now()) return found.key;
    if (found) drop(name);
    const key = make();
    kept.set(name, { key, until: now() + ttlMilliseconds });
    key.catch(() => {
      if (kept.get(name)?.key === key) kept.delete(name);
    });
    while (kept.size > capacity) drop(kept.keys().next().value!);
    return key;
  }
  function drop(name: string): void {
    const gone = kept.get(name);
    kept.delete(name);
    // After a moment: somebody may just be using it.
    gone?.key.then(
      ({ plain }) => setTimeout(() => plain.fill(0), 1_000).unref(),
      () => undefined,
    );
  }
  const bound = (tenantId: string) => Buffer.from(`v1|${tenantId}`);

  return {
    forSealing: (kek: string, tenantId: string): Promise<DataKey> =>
      remembered(`seal|${kek}|${tenantId}`, async () => {
        const plain = randomBytes(32);
        return { plain, wrapped: await kms.wrap(kek, plain, bound(tenantId)) };
      }),
    forOpening: (kek: string, tenantId: string, wrapped: Buffer): Promise<DataKey> => {
      const digest = createHash('sha256').update(wrapped).digest('base64');
      return remembered(`open|${kek}|${tenantId}|${digest}`, async () => ({
        plain: await kms.unwrap(kek, wrapped, bound(tenantId)),
        wrapped,
      }));
    },
    clear(): void {
      for (const name of [...kept.keys()]) drop(name);
    },
  };
}
