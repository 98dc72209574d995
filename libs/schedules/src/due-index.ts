/** Which schedules are due, by the instant of their next fire: asked without walking all of them. Thousands share an instant. */
export class DueIndex {
  readonly #at = new Map<number, Set<string>>();
  /** Ascending. */
  #order: number[] = [];
  size = 0;

  add(id: string, at: number): void {
    let ids = this.#at.get(at);
    if (!ids) {
      ids = new Set();
      this.#at.set(at, ids);
      this.#order.splice(this.#position(at), 0, at);
    }
    if (!ids.has(id)) this.size++;
    ids.add(id);
  }

  remove(id: string, at: number): void {
    const ids = this.#at.get(at);
    if (!ids?.delete(id)) return;
    this.size--;
    if (ids.size > 0) return;
    this.#at.delete(at);
    this.#order.splice(this.#position(at), 1);
  }

  /** Ids due at that time, earliest first, at most so many. */
  upTo(now: number, limit = Number.POSITIVE_INFINITY): readonly string[] {
    const due: string[] = [];
    for (const at of this.#order) {
      if (at > now) break;
      for (const id of this.#at.get(at) ?? []) {
        if (due.length >= limit) return due;
        due.push(id);
      }
    }
    return due;
  }

  countUpTo(now: number): number {
    let count = 0;
    for (const at of this.#order) {
      if (at > now) break;
      count += this.#at.get(at)?.size ?? 0;
    }
    return count;
  }

  /** When the next one is due. */
  get earliest(): number | undefined {
    return this.#order[0];
  }

  #position(at: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#order[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
