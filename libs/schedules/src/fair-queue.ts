/**
 * Who goes next. Tenants share the workers by weight; inside a tenant the lowest score goes first; backfills go when no
 * live work of anybody can.
 *
 * It knows no admission, run or clock: what is held, claimed or given back it is told.
 *
 * 1. Eligible first: a held tenant, or an item that must wait, is never in the way of another.
 * 2. Each dispatch moves a tenant's virtual time on by 1/weight, and the tenant furthest behind goes next: over many
 *    dispatches each busy tenant gets its weight's share. A tenant that was idle starts at the present, without credit.
 * 3. `pick` changes nothing: asked twice it answers the same. The order of `pick` is the order that people are shown.
 */
import type { Hold, QueueItem } from './schedule.ts';
import { scoreOf } from './schedule.ts';

class TenantLine {
  readonly id: string;
  weight = 1;
  readonly virtual = { live: 0, backfill: 0 };
  hold: Hold | null = null;
  /** Waiting items by score. */
  readonly live: QueueItem[] = [];
  readonly backfill: QueueItem[] = [];
  total = 0;
  /** Its place in the order of a pick under way. */
  readonly turn = { virtual: 0, cursor: 0 };
  constructor(id: string) {
    this.id = id;
  }
}

export class FairQueue {
  readonly #lines = new Map<string, TenantLine>();
  readonly #items = new Map<string, QueueItem>();
  /** Items that are claimed or running, by schedule: what an overlap policy looks at. */
  readonly #busy = new Map<string, Set<string>>();
  /** Waiting items, by schedule. */
  readonly #waitingBySchedule = new Map<string, number>();
  readonly #backfillsBusy = new Map<string, number>();
  readonly #backfillCaps = new Map<string, number>();
  readonly #present = { live: 0, backfill: 0 };
  /** Lines with waiting items and no hold, by lane: all that a pick looks at. */
  readonly #ready = { live: new Set<TenantLine>(), backfill: new Set<TenantLine>() };
  readonly #held = new Set<TenantLine>();
  /** When the first hold is over. */
  #heldUntil = Number.POSITIVE_INFINITY;
  waiting = 0;

  get size(): number {
    return this.#items.size;
  }
  get(runId: string): QueueItem | undefined {
    return this.#items.get(runId);
  }
  items(): IterableIterator<QueueItem> {
    return this.#items.values();
  }
  backlogOf(tenantId: string): number {
    return this.#lines.get(tenantId)?.total ?? 0;
  }
  holdOf(tenantId: string): Hold | null {
    return this.#lines.get(tenantId)?.hold ?? null;
  }
  /** Is a run of that schedule in the queue, other than that one? */
  liveOf(configId: string, except?: string): number {
    const busy = this.#busy.get(configId);
    return busy ? busy.size - (except !== undefined && busy.has(except) ? 1 : 0) : 0;
  }

  waitingOf(configId: string): number {
    return this.#waitingBySchedule.get(configId) ?? 0;
  }

  add(item: QueueItem): void {
    const line = this.#line(item.tenant_id);
    this.#items.set(item.run_id, item);
    line.total++;
    if (item.stage === 'waiting') this.#enlist(line, item);
    else this.#occupy(item, 1);
  }

  remove(runId: string): void {
    const item = this.#items.get(runId);
    if (!item) return;
    const line = this.#line(item.tenant_id);
    if (item.stage === 'waiting') this.#delist(line, item);
    else this.#occupy(item, -1);
    this.#items.delete(runId);
    line.total--;
    const idle = line.total === 0 && !line.hold && line.weight === 1;
    if (idle && line.virtual.live <= this.#present.live && line.virtual.backfill <= this.#present.backfill)
      this.#lines.delete(item.tenant_id);
  }

  /** waiting -> claimed: it counts as dispatched from here on. */
  claim(runId: string): void {
    const item = this.#items.get(runId);
    if (item?.stage !== 'waiting') return;
    const line = this.#line(item.tenant_id);
    this.#delist(line, item);
    item.stage = 'claimed';
    this.#occupy(item, 1);
    this.#present[item.lane] = Math.max(line.virtual[item.lane], this.#present[item.lane]);
    line.virtual[item.lane] = this.#present[item.lane] + 1 / line.weight;
  }

  /** claimed or running -> waiting. `refund` when the claim came to nothing: the tenant's turn was not used. */
  giveBack(runId: string, refund: boolean): void {
    const item = this.#items.get(runId);
    if (!item || item.stage === 'waiting') return;
    const line = this.#line(item.tenant_id);
    this.#occupy(item, -1);
    item.stage = 'waiting';
    if (refund) line.virtual[item.lane] -= 1 / line.weight;
    this.#enlist(line, item);
  }

  /** The item's score or hold is about to change: take it out, change it, put it back. */
  change(runId: string, alter: (item: QueueItem) => void): void {
    const item = this.#items.get(runId);
    if (!item) return;
    if (item.stage !== 'waiting') {
      alter(item);
      return;
    }
    const line = this.#line(item.tenant_id);
    this.#delist(line, item);
    alter(item);
    this.#enlist(line, item);
  }

  setWeight(tenantId: string, weight: number): void {
    this.#line(tenantId).weight = weight;
  }
  setHold(tenantId: string, hold: Hold | null): void {
    const line = this.#line(tenantId);
    line.hold = hold;
    if (hold) {
      this.#held.add(line);
      this.#heldUntil = Math.min(this.#heldUntil, hold.until);
    } else this.#held.delete(line);
    this.#place(line);
  }
  /** A run of the tenant ended: what waited for that waits no more. */
  freed(tenantId: string): void {
    const line = this.#lines.get(tenantId);
    if (!line) return;
    if (line.hold?.gate === 'quota.concurrent_exceeded') this.setHold(tenantId, null);
    for (const item of [...line.live, ...line.backfill]) if (item.hold?.gate === 'same_pipeline') item.hold = null;
  }
  setBackfillCap(backfillId: string, cap: number): void {
    this.#backfillCaps.set(backfillId, cap);
  }

  /** The next items in dispatch order, at most so many. */
  pick(now: number, max: number): readonly QueueItem[] {
    const picked: QueueItem[] = [];
    if (max <= 0) return picked;
    if (now >= this.#heldUntil) this.#release(now);
    const taken = new Set<string>();
    for (const lane of ['live', 'backfill'] as const) this.#pickLane(lane, now, max, picked, taken);
    return picked;
  }

  #pickLane(lane: 'live' | 'backfill', now: number, max: number, picked: QueueItem[], taken: Set<string>): void {
    const heap = [...this.#ready[lane]];
    for (const line of heap) {
      line.turn.virtual = Math.max(line.virtual[lane], this.#present[lane]);
      line.turn.cursor = 0;
    }
    for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i);
    const backfills = new Map<string, number>();
    while (picked.length < max && heap.length > 0) {
      const line = heap[0] as TenantLine;
      const { turn } = line;
      const list = line[lane];
      while (turn.cursor < list.length && !this.#mayGo(list[turn.cursor] as QueueItem, now, taken, backfills)) turn.cursor++;
      const item = list[turn.cursor];
      if (item) {
        picked.push(item);
        if (item.config_id) taken.add(item.config_id);
        if (item.backfill_id) backfills.set(item.backfill_id, (backfills.get(item.backfill_id) ?? 0) + 1);
        turn.cursor++;
        turn.virtual += 1 / line.weight;
      } else {
        const last = heap.pop() as TenantLine;
        if (heap.length === 0) break;
        heap[0] = last;
      }
      sink(heap, 0);
    }
  }

  #release(now: number): void {
    this.#heldUntil = Number.POSITIVE_INFINITY;
    for (const line of this.#held) {
      const until = line.hold?.until ?? 0;
      if (until > now) this.#heldUntil = Math.min(this.#heldUntil, until);
      else {
        this.#held.delete(line);
        this.#place(line);
      }
    }
  }

  #place(line: TenantLine): void {
    for (const lane of ['live', 'backfill'] as const) {
      if (line[lane].length > 0 && !this.#held.has(line)) this.#ready[lane].add(line);
      else this.#ready[lane].delete(line);
    }
  }

  /** Reads the reasons why an item waits inside its tenant; null when nothing but its turn is in the way. */
  ownGate(item: QueueItem, now: number): Hold | null {
    if (item.not_before > now) {
      return {
        gate: 'retry_backoff',
        detail: 'Waits before the next attempt',
        since: item.added_at,
        until: item.not_before,
        expected: item.not_before,
      };
    }
    if (item.hold && item.hold.until > now) return item.hold;
    if (item.config_id && item.overlap !== 'allow' && this.liveOf(item.config_id, item.run_id) > 0) {
      return {
        gate: 'same_schedule',
        detail: 'The run before of this schedule is still live',
        since: item.added_at,
        until: Number.POSITIVE_INFINITY,
        expected: null,
      };
    }
    if (item.backfill_id && this.#backfillFull(item.backfill_id, 0)) {
      return {
        gate: 'backfill_concurrency',
        detail: `The backfill runs ${this.#backfillCaps.get(item.backfill_id)} at a time`,
        since: item.added_at,
        until: Number.POSITIVE_INFINITY,
        expected: null,
      };
    }
    return null;
  }

  #mayGo(item: QueueItem, now: number, taken: Set<string>, backfills: Map<string, number>): boolean {
    if (item.not_before > now || (item.hold && item.hold.until > now)) return false;
    if (item.config_id && item.overlap !== 'allow' && (taken.has(item.config_id) || this.liveOf(item.config_id) > 0)) return false;
    return !(item.backfill_id && this.#backfillFull(item.backfill_id, backfills.get(item.backfill_id) ?? 0));
  }

  #backfillFull(id: string, more: number): boolean {
    const cap = this.#backfillCaps.get(id);
    return cap !== undefined && (this.#backfillsBusy.get(id) ?? 0) + more >= cap;
  }

  #occupy(item: QueueItem, by: 1 | -1): void {
    if (item.config_id) {
      const busy = this.#busy.get(item.config_id) ?? new Set();
      if (by === 1) busy.add(item.run_id);
      else busy.delete(item.run_id);
      if (busy.size) this.#busy.set(item.config_id, busy);
      else this.#busy.delete(item.config_id);
    }
    if (item.backfill_id) this.#backfillsBusy.set(item.backfill_id, (this.#backfillsBusy.get(item.backfill_id) ?? 0) + by);
  }

  #line(tenantId: string): TenantLine {
    let line = this.#lines.get(tenantId);
    if (!line) {
      line = new TenantLine(tenantId);
      this.#lines.set(tenantId, line);
    }
    return line;
  }

  #wait(item: QueueItem, by: 1 | -1): void {
    this.waiting += by;
    if (!item.config_id) return;
    const count = (this.#waitingBySchedule.get(item.config_id) ?? 0) + by;
    if (count > 0) this.#waitingBySchedule.set(item.config_id, count);
    else this.#waitingBySchedule.delete(item.config_id);
  }

  #enlist(line: TenantLine, item: QueueItem): void {
    const list = line[item.lane];
    if (list.length === 0) line.virtual[item.lane] = Math.max(line.virtual[item.lane], this.#present[item.lane]);
    list.splice(position(list, item), 0, item);
    this.#place(line);
    this.#wait(item, 1);
  }

  #delist(line: TenantLine, item: QueueItem): void {
    const list = line[item.lane];
    const at = position(list, item);
    if (list[at] !== item) throw new Error(`queue index lost ${item.run_id}`);
    list.splice(at, 1);
    this.#place(line);
    this.#wait(item, -1);
  }
}

const order = (a: QueueItem, b: QueueItem): number => scoreOf(a) - scoreOf(b) || (a.run_id < b.run_id ? -1 : a.run_id > b.run_id ? 1 : 0);

function position(list: readonly QueueItem[], item: QueueItem): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(list[middle] as QueueItem, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function sink(heap: TenantLine[], from: number): void {
  const before = (a: number, b: number): boolean => {
    const [x, y] = [heap[a] as TenantLine, heap[b] as TenantLine];
    return x.turn.virtual < y.turn.virtual || (x.turn.virtual === y.turn.virtual && x.id < y.id);
  };
  for (let at = from; ; ) {
    let first = at;
    for (let child = 2 * at + 1; child <= 2 * at + 2; child++) if (child < heap.length && before(child, first)) first = child;
    if (first === at) return;
    [heap[at], heap[first]] = [heap[first] as TenantLine, heap[at] as TenantLine];
    at = first;
  }
}
