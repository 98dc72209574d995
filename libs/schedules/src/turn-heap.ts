/**
 * Tenants by whose turn it is, kept as a heap: the next few are found without looking at the others.
 * A tenant's turn changes only through `put`.
 */
export interface Turn {
  readonly id: string;
  /** Virtual time: the lowest goes first. */
  turn: number;
  /** Where it lies in the heap; -1 when it does not. */
  place: number;
}

const before = (a: Turn, b: Turn): boolean => a.turn < b.turn || (a.turn === b.turn && a.id < b.id);

export class TurnHeap<T extends Turn> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get first(): T | undefined {
    return this.#heap[0];
  }

  /** In, or to its right place after its turn changed. */
  put(entry: T): void {
    if (entry.place < 0) {
      entry.place = this.#heap.length;
      this.#heap.push(entry);
    }
    this.#sink(this.#rise(entry.place));
  }

  remove(entry: T): void {
    const at = entry.place;
    if (at < 0) return;
    entry.place = -1;
    const last = this.#heap.pop() as T;
    if (last === entry) return;
    this.#heap[at] = last;
    last.place = at;
    this.#sink(this.#rise(at));
  }

  /**
   * Entries in the order of their turns, the heap untouched. `visit` says by how much the entry's turn moves on if it is to
   * come again, or undefined if it is done; `stop` ends the walk.
   */
  walk(visit: (entry: T) => number | undefined, stop: () => boolean): void {
    const frontier: { entry: T; turn: number; again: boolean }[] = [];
    const first = this.#heap[0];
    if (first) frontier.push({ entry: first, turn: first.turn, again: false });
    while (frontier.length > 0 && !stop()) {
      const top = pop(frontier);
      if (!top.again) {
        for (const child of [2 * top.entry.place + 1, 2 * top.entry.place + 2]) {
          const entry = this.#heap[child];
          if (entry) push(frontier, { entry, turn: entry.turn, again: false });
        }
      }
      const more = visit(top.entry);
      if (more !== undefined) push(frontier, { entry: top.entry, turn: top.turn + more, again: true });
    }
  }

  #rise(from: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(this.#heap[at] as T, this.#heap[parent] as T)) break;
      this.#swap(at, parent);
      at = parent;
    }
    return at;
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && before(this.#heap[child] as T, this.#heap[first] as T)) first = child;
      }
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a] as T, this.#heap[b] as T];
    this.#heap[a] = y;
    this.#heap[b] = x;
    y.place = a;
    x.place = b;
  }
}

interface Step<T extends Turn> {
  readonly entry: T;
  readonly turn: number;
  readonly again: boolean;
}
const sooner = <T extends Turn>(a: Step<T>, b: Step<T>): boolean => a.turn < b.turn || (a.turn === b.turn && a.entry.id < b.entry.id);

function push<T extends Turn>(heap: Step<T>[], step: Step<T>): void {
  heap.push(step);
  for (let at = heap.length - 1; at > 0; ) {
    const parent = (at - 1) >> 1;
    if (!sooner(heap[at] as Step<T>, heap[parent] as Step<T>)) return;
    [heap[at], heap[parent]] = [heap[parent] as Step<T>, heap[at] as Step<T>];
    at = parent;
  }
}

function pop<T extends Turn>(heap: Step<T>[]): Step<T> {
  const top = heap[0] as Step<T>;
  const last = heap.pop() as Step<T>;
  if (heap.length === 0) return top;
  heap[0] = last;
  for (let at = 0; ; ) {
    let first = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && sooner(heap[child] as Step<T>, heap[first] as Step<T>)) first = child;
    }
    if (first === at) return top;
    [heap[at], heap[first]] = [heap[first] as Step<T>, heap[at] as Step<T>];
    at = first;
  }
}
