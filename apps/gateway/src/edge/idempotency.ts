/**
 * Idempotency-Key on POST: the same request with the same key is answered as the first time, without being done again.
 *
 * 1. Whether the key was used with another request is not known here but where commands are named (commands.ts), for all gateways; that
 * refusal is not kept. 2. While the first is being done, doubles wait for its answer; should its caller leave before, a double does it.
 * 3. An answer that another try may change (429, 503, a bug's 500) is not kept; every other refusal is.
 * 4. Keys of different callers never meet, nor those of a tenant's different API keys: an answer may hold what only its caller may have.
 * 5. Kept in memory, bounded in number and time, for this instance alone, which spares the owners what it has answered already: at another
 * instance, or after a restart, they know the command by its name; and no longer than that name stands for it. 6. When too many are kept, whoever keeps most loses its own
 * oldest. 7. What its sender signed has an identity of its own and takes no key.
 */
import { createHash } from 'node:crypto';
import { ERRORS, FairMemory, type Operation, Refusal } from '@convergence/contracts';
import type { Reply } from '@convergence/service';

const KEY = /^[\x21-\x7e]{1,255}$/;

export const takesIdempotencyKey = ({ method, auth }: Pick<Operation, 'method' | 'auth'>): boolean =>
  method === 'POST' && auth !== 'signature';

export function mustBeKey(key: string): void {
  if (KEY.test(key)) return;
  const message = 'must be 1 to 255 visible ASCII characters';
  throw new Refusal('request.invalid', `header /idempotency-key ${message}.`, {
    fields: { errors: [{ in: 'header', path: '/idempotency-key', message }] },
  });
}

interface Kept {
  readonly holder: string;
  readonly answer: Promise<Reply>;
  /** Aborted when who asked first left. */
  readonly left: AbortSignal;
  until: number;
}
/** Who asks with the key, and until when. */
export interface Caller {
  readonly name: string;
  /** Whose share of the memory it takes: all keys of a tenant together, all operators together. */
  readonly holder: string;
  readonly left: AbortSignal;
}
export interface IdempotencyOptions {
  readonly now: () => number;
  readonly seconds?: number;
  readonly capacity?: number;
}

export class Idempotency {
  readonly #kept: FairMemory<Kept>;
  readonly #now: () => number;
  readonly #milliseconds: number;

  constructor({ now, seconds = 24 * 3600, capacity = 10_000 }: IdempotencyOptions) {
    this.#kept = new FairMemory(capacity);
    this.#now = now;
    this.#milliseconds = seconds * 1000;
  }

  async once<C extends { readonly at: number }>(
    key: string,
    caller: Caller,
    request: readonly unknown[],
    nameIt: () => Promise<C>,
    perform: (command: C) => Promise<Reply>,
  ): Promise<Reply> {
    const now = this.#now();
    const name = createHash('sha256')
      .update(JSON.stringify([caller.name, key, request]))
      .digest('base64');
    const kept = this.#kept.get(name);
    if (kept && kept.until > now) {
      try {
        const reply = await kept.answer;
        return { ...reply, headers: { ...reply.headers, 'Idempotency-Replayed': 'true' } };
      } catch (error) {
        if (!kept.left.aborted || !mayPass(error)) throw error;
        return this.once(key, caller, request, nameIt, perform);
      }
    }
    this.#forgetOld(now);
    const answer = nameIt().then((command) => {
      entry.until = command.at + this.#milliseconds;
      return perform(command);
    });
    const entry: Kept = { holder: caller.holder, answer, left: caller.left, until: now + this.#milliseconds };
    this.#kept.set(name, entry);
    try {
      return await answer;
    } catch (error) {
      if (mayPass(error) && this.#kept.get(name) === entry) this.#kept.delete(name);
      throw error;
    }
  }

  #forgetOld(now: number): void {
    for (let first = this.#kept.oldest(); first && first[1].until <= now; first = this.#kept.oldest()) this.#kept.delete(first[0]);
  }
}

const mayPass = (error: unknown): boolean =>
  !(error instanceof Refusal) || ERRORS[error.code].status === 429 || error.code === 'request.idempotency_conflict';
