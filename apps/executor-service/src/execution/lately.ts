/**
 * What was proven a moment ago and holds for all runs of a tenant: proven again within a minute, however many ask.
 * A proof that fails is not remembered, and one of those who waited for it makes another for all of them: the run that made it may have
 * been stopped, which is no matter of theirs. Tenants whose runs began together are not proven again together: each proof holds for
 * another time.
 */
import type { Clock } from '@convergence/ports';

const HOLDS_MS = { least: 30_000, most: 60_000 };

export class Lately {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: () => number;
  readonly #proofs = new Map<string, { readonly until: number; readonly proof: Promise<void> }>();

  constructor(clock: Pick<Clock, 'now'>, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  proven(tenantId: string, what: string, prove: () => Promise<void>): Promise<void> {
    const key = `${tenantId}/${what}`;
    const known = this.#known(key);
    return known ? known.catch(() => this.#known(key) ?? this.#make(key, prove)) : this.#make(key, prove);
  }

  #known(key: string): Promise<void> | undefined {
    const known = this.#proofs.get(key);
    return known && this.#clock.now() < known.until ? known.proof : undefined;
  }

  #make(key: string, prove: () => Promise<void>): Promise<void> {
    const now = this.#clock.now();
    for (const [old, { until }] of this.#proofs) {
      if (now < until) break;
      this.#proofs.delete(old);
    }
    const proof = prove();
    this.#proofs.delete(key);
    this.#proofs.set(key, { until: now + HOLDS_MS.least + this.#random() * (HOLDS_MS.most - HOLDS_MS.least), proof });
    proof.catch(() => this.#proofs.get(key)?.proof === proof && this.#proofs.delete(key));
    return proof;
  }

  forget(tenantId: string): void {
    for (const key of this.#proofs.keys()) if (key.startsWith(`${tenantId}/`)) this.#proofs.delete(key);
  }
}
