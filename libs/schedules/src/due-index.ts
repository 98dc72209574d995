/** Which schedules are due, by the minute of their next fire: asked without walking all of them. */
export class DueIndex {
  readonly #minutes = new Map<number, Map<string, number>>();
  /** Ascending. */
  #order: number[] = [];
  size = 0;

  add(id: string, at: number): void {
    const minute = Math.floor(at / 60_000);
    let bucket = this.#minutes.get(minute);
    if (!bucket) {
      bucket = new Map();
      this.#minutes.set(minute, bucket);
      this.#order.splice(this.#position(minute), 0, minute);
    }
    if (!bucket.has(id)) this.size++;
    bucket.set(id, at);
  }

  remove(id: string, at: number): void {
    const minute = Math.floor(at / 60_000);
    const bucket = this.#minutes.get(minute);
    if (!bucket?.delete(id)) return;
    this.size--;
    if (bucket.size === 0) {
      this.#minutes.delete(minute);
      this.#order.splice(this.#position(minute), 1);
    }
  }

  /** Ids due at that time, earliest minute first, at most so many. */
  upTo(now: number, limit = Number.POSITIVE_INFINITY): readonly string[] {
    const due: string[] = [];
    for (const minute of this.#order) {
      if (minute * 60_000 > now) break;
      const bucket = [...(this.#minutes.get(minute) ?? [])]
        .filter(([, at]) => at <= now)
        .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
      for (const [id] of bucket) {
        if (due.length >= limit) return due;
        due.push(id);
      }
    }
    return due;
  }

  countUpTo(now: number): number {
    let count = 0;
    for (const minute of this.#order) {
      if ((minute + 1) * 60_000 <= now) count += this.#minutes.get(minute)?.size ?? 0;
      else if (minute * 60_000 > now) break;
      else for (const at of this.#minutes.get(minute)?.values() ?? []) if (at <= now) count++;
    }
    return count;
  }

  /** When the next one is due. */
  get earliest(): number | undefined {
    const minute = this.#order[0];
    if (minute === undefined) return undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const at of this.#minutes.get(minute)?.values() ?? []) if (at < earliest) earliest = at;
    return earliest;
  }

  #position(minute: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#order[middle] as number) < minute) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
