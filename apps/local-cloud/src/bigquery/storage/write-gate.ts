/**
 * Counts the transactions that may write, and finds a moment when there is none. Knows no database.
 *
 * 1. While `alone` runs its work, nobody is inside; who comes meanwhile waits for its end.
 * 2. `alone` gives up rather than hold newcomers up for longer than it was allowed: somebody inside may be waiting for one of them.
 */
export class WriteGate {
  #inside = 0;
  #entered = 0;
  #closed: Promise<void> | undefined;
  #emptied: (() => void) | undefined;

  async enter(): Promise<void> {
    while (this.#closed) await this.#closed;
    this.#inside++;
    this.#entered++;
  }

  /** How many came in so far. */
  get entered(): number {
    return this.#entered;
  }

  leave(): void {
    if (--this.#inside === 0) this.#emptied?.();
  }

  /** Answers whether it came to the work. One caller at a time. */
  async alone(patienceMs: number, work: () => Promise<void>): Promise<boolean> {
    let open!: () => void;
    this.#closed = new Promise((resolve) => {
      open = resolve;
    });
    try {
      if (this.#inside > 0 && !(await this.#drained(patienceMs))) return false;
      await work();
      return true;
    } finally {
      this.#closed = undefined;
      open();
    }
  }

  async #drained(patienceMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        this.#emptied = () => resolve(true);
        timer = setTimeout(() => resolve(false), patienceMs);
      });
    } finally {
      clearTimeout(timer);
      this.#emptied = undefined;
    }
  }
}
