/**
 * Who may touch a table's physical form: writers of rows share it, a change of the form (ALTER, DROP, TRUNCATE, replace) has it alone.
 * First come, first served, so that neither starves. Readers need nothing: DuckDB gives them a snapshot.
 */
interface Waiter {
  readonly exclusive: boolean;
  readonly go: () => void;
}
interface State {
  shared: number;
  exclusive: boolean;
  readonly queue: Waiter[];
}

export class TableLocks {
  readonly #states = new Map<number, State>();

  shared<T>(id: number, work: () => Promise<T>): Promise<T> {
    return this.#with(id, false, work);
  }
  exclusive<T>(id: number, work: () => Promise<T>): Promise<T> {
    return this.#with(id, true, work);
  }

  async acquire(id: number, exclusive: boolean): Promise<() => void> {
    const state = this.#state(id);
    if (state.queue.length > 0 || state.exclusive || (exclusive && state.shared > 0)) {
      await new Promise<void>((go) => state.queue.push({ exclusive, go }));
    } else if (exclusive) state.exclusive = true;
    else state.shared++;
    return this.#releasing(id, state, exclusive);
  }

  /** Shared, if that is to be had without waiting. */
  trySharing(id: number): (() => void) | undefined {
    const state = this.#state(id);
    if (state.queue.length > 0 || state.exclusive) return undefined;
    state.shared++;
    return this.#releasing(id, state, false);
  }

  #state(id: number): State {
    let state = this.#states.get(id);
    if (!state) {
      state = { shared: 0, exclusive: false, queue: [] };
      this.#states.set(id, state);
    }
    return state;
  }

  #releasing(id: number, state: State, exclusive: boolean): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (exclusive) state.exclusive = false;
      else state.shared--;
      this.#admit(id, state);
    };
  }

  async #with<T>(id: number, exclusive: boolean, work: () => Promise<T>): Promise<T> {
    const release = await this.acquire(id, exclusive);
    try {
      return await work();
    } finally {
      release();
    }
  }

  #admit(id: number, state: State): void {
    for (let next = state.queue[0]; next; next = state.queue[0]) {
      if (state.exclusive || (next.exclusive && state.shared > 0)) break;
      state.queue.shift();
      if (next.exclusive) state.exclusive = true;
      else state.shared++;
      next.go();
    }
    if (!state.exclusive && state.shared === 0 && state.queue.length === 0) this.#states.delete(id);
  }
}
