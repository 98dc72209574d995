/**
 * Who goes next when a place is free: the tenant with the fewest runs in work, then the one that was served longest ago, then
 * the one that came first. Live runs go before backfills of the same tenant. One tenant's flood delays itself.
 */
export interface Waiting<T> {
  readonly tenantId: string;
  readonly lane: 'live' | 'backfill';
  readonly item: T;
}

export class FairWaiting<T> {
  readonly #byTenant = new Map<string, Waiting<T>[]>();
  readonly #running = new Map<string, number>();
  readonly #served = new Map<string, number>();
  #turn = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }
  runningOf(tenantId: string): number {
    return this.#running.get(tenantId) ?? 0;
  }

  add(waiting: Waiting<T>): void {
    const line = this.#byTenant.get(waiting.tenantId) ?? [];
    const at = waiting.lane === 'live' ? line.findIndex((w) => w.lane === 'backfill') : -1;
    if (at < 0) line.push(waiting);
    else line.splice(at, 0, waiting);
    this.#byTenant.set(waiting.tenantId, line);
    this.#size += 1;
  }

  /** Takes the next one; it counts as running until `ended`. */
  next(): Waiting<T> | undefined {
    let best: string | undefined;
    for (const tenant of this.#byTenant.keys()) if (best === undefined || this.#before(tenant, best)) best = tenant;
    const line = best === undefined ? undefined : this.#byTenant.get(best);
    const taken = line?.shift();
    if (best === undefined || !line || !taken) return undefined;
    if (line.length === 0) this.#byTenant.delete(best);
    this.#size -= 1;
    this.#running.set(best, this.runningOf(best) + 1);
    this.#served.set(best, ++this.#turn);
    return taken;
  }

  ended(tenantId: string): void {
    const left = this.runningOf(tenantId) - 1;
    if (left > 0) this.#running.set(tenantId, left);
    else {
      this.#running.delete(tenantId);
      if (!this.#byTenant.has(tenantId)) this.#served.delete(tenantId);
    }
  }

  remove(fits: (item: T) => boolean): T | undefined {
    for (const [tenant, line] of this.#byTenant) {
      const at = line.findIndex((w) => fits(w.item));
      if (at < 0) continue;
      const [removed] = line.splice(at, 1);
      if (line.length === 0) this.#byTenant.delete(tenant);
      this.#size -= 1;
      return removed?.item;
    }
    return undefined;
  }

  #before(a: string, b: string): boolean {
    const running = this.runningOf(a) - this.runningOf(b);
    return running !== 0 ? running < 0 : (this.#served.get(a) ?? 0) < (this.#served.get(b) ?? 0);
  }
}
