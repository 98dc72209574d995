/**
 * Who holds this API key? Answers from memory; asks the owner of the keys once for what it does not know.
 *
 * Must not know: HTTP, scopes, what the caller wants to do.
 * 1. A key is known by its SHA-256 alone; the key itself is never kept, logged or sent.
 * 2. Nothing is believed longer than its time: found keys for `positiveSeconds` (so a missed change heals), unknown ones for
 * `negativeSeconds`.
 * 3. `forget(tenant)` takes effect at once, also on answers that are still on their way.
 * 4. Memory is bounded, and garbage can not push out keys that exist: the two kinds are kept apart.
 * 5. Of many simultaneous requests with one unknown key, one asks.
 * 6. An unknown and a wrong key do the same work: one digest, one look, one comparison in constant time.
 */
import { isTenantId, type KeyLookupResponse, type Scope, type TenantId } from '@convergence/contracts';
import { digest, sameDigest } from './digest.ts';

export interface KeyHolder {
  readonly keyId: string;
  readonly tenantId: TenantId;
  readonly scopes: readonly Scope[];
  readonly expiresAt: number;
  readonly status: 'ACTIVE' | 'SUSPENDED' | 'CANCELLED';
}
export type Lookup = (apiKeyHash: string) => Promise<KeyLookupResponse>;

export interface ApiKeysOptions {
  readonly lookup: Lookup;
  readonly now: () => number;
  readonly positiveSeconds?: number;
  readonly negativeSeconds?: number;
  readonly capacity?: number;
}

interface Known {
  readonly digest: Buffer;
  readonly holder: KeyHolder;
  readonly until: number;
}

const NOBODY = Buffer.alloc(32);

export class ApiKeys {
  readonly #known = new Map<string, Known>();
  readonly #unknown = new Map<string, number>();
  /** Whose answers may be shared. */
  readonly #asked = new Map<string, Promise<KeyHolder | undefined>>();
  /** Of each answer that is on its way, shared or not, the tenants that changed meanwhile. */
  readonly #underWay = new Set<Set<TenantId>>();
  readonly #byTenant = new Map<TenantId, Set<string>>();
  readonly #options: Required<ApiKeysOptions>;

  constructor(options: ApiKeysOptions) {
    this.#options = { positiveSeconds: 60, negativeSeconds: 5, capacity: 50_000, ...options };
  }

  async holderOf(apiKey: string): Promise<KeyHolder | undefined> {
    const given = digest(apiKey);
    const hash = given.toString('hex');
    const now = this.#options.now();
    const known = this.#known.get(hash);
    const same = sameDigest(given, known?.digest ?? NOBODY);
    if (known && same && known.until > now) return notExpired(known.holder, now);
    if ((this.#unknown.get(hash) ?? 0) > now) return undefined;
    return notExpired(await this.#ask(hash, given), now);
  }

  /** What was known of a tenant's keys is no longer true. */
  forget(tenant: TenantId): void {
    for (const hash of this.#byTenant.get(tenant) ?? []) this.#known.delete(hash);
    this.#byTenant.delete(tenant);
    // A key that nobody knew may be this tenant's new one.
    this.#unknown.clear();
    for (const changed of this.#underWay) changed.add(tenant);
    // Who comes from now on asks anew.
    this.#asked.clear();
  }

  get size(): number {
    return this.#known.size + this.#unknown.size;
  }

  #ask(hash: string, given: Buffer): Promise<KeyHolder | undefined> {
    const running = this.#asked.get(hash);
    if (running) return running;
    const changed = new Set<TenantId>();
    this.#underWay.add(changed);
    const answer = this.#options
      .lookup(hash)
      .then((response) => {
        const holder = holderFrom(response);
        if (!(holder ? changed.has(holder.tenantId) : changed.size > 0)) this.#remember(hash, given, holder);
        return holder;
      })
      .finally(() => {
        this.#underWay.delete(changed);
        if (this.#asked.get(hash) === answer) this.#asked.delete(hash);
      });
    this.#asked.set(hash, answer);
    return answer;
  }

  #remember(hash: string, given: Buffer, holder: KeyHolder | undefined): void {
    const now = this.#options.now();
    if (!holder) {
      bound(this.#unknown, this.#options.capacity);
      this.#unknown.set(hash, now + this.#options.negativeSeconds * 1000);
      return;
    }
    const oldest = bound(this.#known, this.#options.capacity);
    if (oldest) this.#unlist(oldest[1].holder.tenantId, oldest[0]);
    this.#known.delete(hash);
    this.#known.set(hash, { digest: given, holder, until: now + this.#options.positiveSeconds * 1000 });
    const hashes = this.#byTenant.get(holder.tenantId) ?? new Set();
    this.#byTenant.set(holder.tenantId, hashes.add(hash));
  }

  #unlist(tenant: TenantId, hash: string): void {
    const hashes = this.#byTenant.get(tenant);
    hashes?.delete(hash);
    if (hashes?.size === 0) this.#byTenant.delete(tenant);
  }
}

/** Makes room for one more: the entry that was stored first goes. */
function bound<V>(map: Map<string, V>, capacity: number): [string, V] | undefined {
  if (map.size < capacity) return undefined;
  const oldest = map.entries().next().value;
  if (oldest) map.delete(oldest[0]);
  return oldest;
}

const notExpired = (holder: KeyHolder | undefined, now: number): KeyHolder | undefined =>
  holder && holder.expiresAt > now ? holder : undefined;

function holderFrom({ key }: KeyLookupResponse): KeyHolder | undefined {
  if (!key || !isTenantId(key.tenant_id)) return undefined;
  return Object.freeze({
    keyId: key.api_key_id,
    tenantId: key.tenant_id,
    scopes: Object.freeze(key.scopes as Scope[]),
    expiresAt: key.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(key.expires_at),
    status: key.tenant_status,
  });
}
