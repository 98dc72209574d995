/**
 * Large pages from the table, a few at a time: each has its rows in hand three times over, as text, as records and as the answer.
 *
 * 1. Who finds no place waits in line; tenants that wait take turns, however much one of them asks for. 2. Who waited too long is told to
 * come again. 3. Who left meanwhile takes no place. 4. From the first one on the process is no idle one: as eagerly as an idle one collects
 * garbage, every third page waited thirty milliseconds for it.
 */
import { Transient } from '@convergence/contracts';
import type { Clock } from '@convergence/ports';

export const AT_ONCE = 4;
const PATIENCE_MS = 4_000;

export class LargePages {
  readonly #clock: Pick<Clock, 'sleep'>;
  /** Who waits, by tenant; whose turn it is first. */
  readonly #lines = new Map<string, Set<() => void>>();
  readonly #first: () => void;
  #any = false;
  #underWay = 0;

  constructor(clock: Pick<Clock, 'sleep'>, first: () => void) {
    this.#clock = clock;
    this.#first = first;
  }

  async make<T>(tenant: string, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    if (!this.#any) this.#first();
    this.#any = true;
    if (this.#underWay < AT_ONCE) this.#underWay++;
    else await this.#place(tenant, signal);
    try {
      return await read();
    } finally {
      const [next] = this.#lines;
      if (next) this.#serve(...next);
      else this.#underWay--;
    }
  }

  #serve(tenant: string, line: Set<() => void>): void {
    this.#lines.delete(tenant);
    if (line.size > 1) this.#lines.set(tenant, line);
    const [enter] = line;
    enter?.();
  }

  /** Resolves when somebody else's place is handed on. */
  #place(tenant: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const served = new AbortController();
      const line = this.#lines.get(tenant) ?? new Set();
      const enter = () => {
        line.delete(enter);
        served.abort();
        resolve();
      };
      this.#lines.set(tenant, line.add(enter));
      this.#clock
        .sleep(PATIENCE_MS, AbortSignal.any([signal, served.signal]))
        .then(() => {
          throw new Transient('Many large pages are asked for at the moment. Ask for a smaller one, or again later.', {
            retryAfterSeconds: 2,
          });
        })
        .catch((reason: unknown) => {
          line.delete(enter);
          if (line.size === 0 && this.#lines.get(tenant) === line) this.#lines.delete(tenant);
          reject(reason);
        });
    });
  }
}
