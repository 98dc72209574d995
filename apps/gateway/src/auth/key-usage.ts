import type { Clock } from '@convergence/ports';

/**
 * Which keys were used, told to their owner in batches. Telling is a courtesy: when the owner is away the latest times wait
 * here, bounded, and a request never waits for it.
 */
export interface KeyUse {
  readonly api_key_id: string;
  readonly at: string;
}
const BATCH = 5000;
const KEPT = 50_000;

export class KeyUsage {
  readonly #used = new Map<string, number>();
  readonly #tell: (used: readonly KeyUse[]) => Promise<void>;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(tell: (used: readonly KeyUse[]) => Promise<void>, clock: Pick<Clock, 'now'>) {
    this.#tell = tell;
    this.#clock = clock;
  }

  note(keyId: string): void {
    if (this.#used.size < KEPT || this.#used.has(keyId)) this.#used.set(keyId, this.#clock.now());
  }

  /** Tells what there is; what could not be told stays for the next time. */
  async flush(): Promise<void> {
    while (this.#used.size > 0) {
      const batch = [...this.#used].slice(0, BATCH);
      for (const [keyId] of batch) this.#used.delete(keyId);
      try {
        await this.#tell(batch.map(([api_key_id, at]) => ({ api_key_id, at: new Date(at).toISOString() })));
      } catch (error) {
        for (const [keyId, at] of batch) if (!this.#used.has(keyId)) this.#used.set(keyId, at);
        throw error;
      }
    }
  }
}
