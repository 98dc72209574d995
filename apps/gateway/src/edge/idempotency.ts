/**
 * Idempotency-Key on POST: the same request with the same key is answered as the first time, without being done again.
 *
 * 1. The same key with another request is a 422. 2. While the first is being done, doubles wait for its answer; should its caller leave
 * before, a double does it.
 * 3. An answer that another try may change (429, 503, a bug's 500) is not kept; every other refusal is.
 * 4. Keys of different callers never meet, nor those of a tenant's different API keys: an answer may hold what only its caller may have. 5. Kept in memory, bounded in number and time, for this instance alone: behind a
 * load balancer a double may reach another instance, which is why every command is idempotent by business identity too.
 */
import { createHash } from 'node:crypto';
import { ERRORS, Refusal } from '@convergence/contracts';
import type { Reply } from '@convergence/service';

const KEY = /^[\x21-\x7e]{1,255}$/;

interface Kept {
  readonly fingerprint: string;
  readonly answer: Promise<Reply>;
  /** Aborted when who asked first left. */
  readonly left: AbortSignal;
  readonly until: number;
}
/** Who asks with the key, and until when. */
export interface Caller {
  readonly name: string;
  readonly left: AbortSignal;
}
export interface IdempotencyOptions {
  readonly now: () => number;
  readonly seconds?: number;
  readonly capacity?: number;
}

export class Idempotency {
  readonly #kept = new Map<string, Kept>();
  readonly #options: Required<IdempotencyOptions>;

  constructor(options: IdempotencyOptions) {
    this.#options = { seconds: 24 * 3600, capacity: 10_000, ...options };
  }

  async once(key: string, caller: Caller, request: readonly unknown[], perform: () => Promise<Reply>): Promise<Reply> {
    if (!KEY.test(key)) {
      throw new Refusal('request.invalid', 'header /idempotency-key must be 1 to 255 visible ASCII characters.', {
        fields: { errors: [{ in: 'header', path: '/idempotency-key', message: 'must be 1 to 255 visible ASCII characters' }] },
      });
    }
    const now = this.#options.now();
    const name = `${caller.name}\n${key}`;
    const fingerprint = createHash('sha256').update(JSON.stringify(request)).digest('base64');
    const kept = this.#kept.get(name);
    if (kept && kept.until > now) {
      if (kept.fingerprint !== fingerprint) {
        throw new Refusal('request.idempotency_conflict', 'This Idempotency-Key was used with another request.');
      }
      try {
        const reply = await kept.answer;
        return { ...reply, headers: { ...reply.headers, 'Idempotency-Replayed': 'true' } };
      } catch (error) {
        if (!kept.left.aborted || !mayPass(error)) throw error;
        return this.once(key, caller, request, perform);
      }
    }
    this.#makeRoom(now);
    const answer = perform();
    const entry: Kept = { fingerprint, answer, left: caller.left, until: now + this.#options.seconds * 1000 };
    this.#kept.delete(name);
    this.#kept.set(name, entry);
    try {
      return await answer;
    } catch (error) {
      if (mayPass(error) && this.#kept.get(name) === entry) this.#kept.delete(name);
      throw error;
    }
  }

  #makeRoom(now: number): void {
    for (const [name, kept] of this.#kept) {
      if (kept.until > now && this.#kept.size < this.#options.capacity) return;
      this.#kept.delete(name);
    }
  }
}

const mayPass = (error: unknown): boolean => !(error instanceof Refusal) || ERRORS[error.code].status === 429;
