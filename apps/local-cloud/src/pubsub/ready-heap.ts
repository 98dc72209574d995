/** Things that become due at a time, soonest first. */
export class ReadyHeap<T> {
  readonly #at: number[] = [];
  readonly #items: T[] = [];

  get next(): number {
    return this.#at[0] ?? Number.POSITIVE_INFINITY;
  }

  push(at: number, item: T): void {
    let i = this.#at.length;
    this.#at.push(at);
    this.#items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#at[parent]! <= at) {
        break;
      }
      this.#swap(i, parent);
      i = parent;
    }
  }

  /** Removes and returns the first item when it is due. */
  popDue(now: number): T | undefined {
    if (this.next > now) {
      return undefined;
    }
    const item = this.#items[0]!;
    const lastAt = this.#at.pop()!;
    const last = this.#items.pop()!;
    if (this.#at.length > 0) {
      this.#at[0] = lastAt;
      this.#items[0] = last;
      this.#sink();
    }
    return item;
  }

  clear(): void {
    this.#at.length = 0;
    this.#items.length = 0;
  }

  #sink(): void {
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      let least = i;
      for (const child of [left, left + 1]) {
        if (child < this.#at.length && this.#at[child]! < this.#at[least]!) {
          least = child;
        }
      }
      if (least === i) {
        return;
      }
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(i: number, j: number): void {
    [this.#at[i], this.#at[j]] = [this.#at[j]!, this.#at[i]!];
    [this.#items[i], this.#items[j]] = [this.#items[j]!, this.#items[i]!];
  }
}
