/**
 * Who waits for the end of a run within this process. 1. A wait ends by itself. 2. Nobody is told twice.
 */
export class RunEnds {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** True when the run ended in time. */
  wait(runId: string, milliseconds: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const waiters = this.#waiting.get(runId) ?? new Set();
      this.#waiting.set(runId, waiters);
      const end = (ended: boolean): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', late);
        waiters.delete(told);
        if (waiters.size === 0) this.#waiting.delete(runId);
        resolve(ended);
      };
      const told = () => end(true);
      const late = () => end(false);
      const timer = setTimeout(late, milliseconds);
      signal?.addEventListener('abort', late);
      waiters.add(told);
    });
  }

  tell(runId: string): void {
    for (const told of [...(this.#waiting.get(runId) ?? [])]) told();
  }
}
