/**
 * What was proven a moment ago and holds for all runs of a tenant: proven once a minute, however many ask.
 * A proof that fails is not remembered, and those who waited for it fail with it.
 */
import type { Clock } from '@convergence/ports';

const HOLDS_MS = 60_000;

export class Lately {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #proofs = new Map<string, { readonly at: number; readonly proof: Promise<void> }>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  proven(tenantId: string, what: string, prove: () => Promise<void>): Promise<void> {
    const key = `${tenantId}/${what}`;
    const now = this.#clock.now();
    const known = this.#proofs.get(key);
    if (known && now - known.at < HOLDS_MS) return known.proof;
    for (const [old, { at }] of this.#proofs) {
      if (now - at < HOLDS_MS) break;
      this.#proofs.delete(old);
    }
    const proof = prove();
    this.#proofs.delete(key);
    this.#proofs.set(key, { at: now, proof });
    proof.catch(() => this.#proofs.get(key)?.proof === proof && this.#proofs.delete(key));
    return proof;
  }

  forget(tenantId: string): void {
    for (const key of this.#proofs.keys()) if (key.startsWith(`${tenantId}/`)) this.#proofs.delete(key);
  }
}
