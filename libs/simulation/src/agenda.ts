interface Entry {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** What is still to happen, by time; at one time in the order it was planned. Time passes only here. */
export class Agenda {
  readonly #heap: Entry[] = [];
  #order = 0;
  now: number;
  done = 0;
  constructor(start: number) {
    this.now = start;
  }
  get size(): number {
    return this.#heap.length;
  }

  after(milliseconds: number, act: () => void): void {
    this.at(this.now + milliseconds, act);
  }

  every(milliseconds: number, act: () => void): void {
    const again = (): void => {
      act();
      this.after(milliseconds, again);
    };
    this.after(milliseconds, again);
  }

  at(when: number, act: () => void): void {
    const heap = this.#heap;
    heap.push({ at: Math.max(when, this.now), order: this.#order++, act });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** Until nothing is left, or that time has come. */
  run(until: number): void {
    for (let next = this.#heap[0]; next && next.at <= until; next = this.#heap[0]) {
      this.#take();
      this.now = next.at;
      this.done++;
      next.act();
    }
    this.now = Math.max(this.now, until);
  }

  #take(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      let first = i;
      if (2 * i + 1 < heap.length && this.#before(2 * i + 1, first)) first = 2 * i + 1;
      if (2 * i + 2 < heap.length && this.#before(2 * i + 2, first)) first = 2 * i + 2;
      if (first === i) return;
      this.#swap(i, first);
      i = first;
    }
  }
  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]] as [Entry, Entry];
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  }
  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b], this.#heap[a]] as [Entry, Entry];
  }
}
