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
import { Occupancy } from './occupancy.ts';
import type { Hold, Lane as LaneName, QueueItem } from './schedule.ts';
import { Doze, type Lane, TenantLine } from './tenant-line.ts';
import { TurnHeap } from './turn-heap.ts';

export class FairQueue {
  readonly #lines = new Map<string, TenantLine>();
  readonly #items = new Map<string, QueueItem>();
  readonly #occupancy = new Occupancy();
  readonly #present = { live: 0, backfill: 0 };
  /** Of tenants with waiting items that may be able to go: all that a pick looks at. */
  readonly #ready = { live: new TurnHeap<Lane>(), backfill: new TurnHeap<Lane>() };
  readonly #held = new Set<TenantLine>();
  readonly #dozing = new TurnHeap<Doze>();
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
  /** Claimed or running. */
  underWay(): ReadonlySet<QueueItem> {
    return this.#occupancy.underWay;
  }
  backlogOf(tenantId: string): number {
    return this.#lines.get(tenantId)?.total ?? 0;
  }
  holdOf(tenantId: string): Hold | null {
    return this.#lines.get(tenantId)?.hold ?? null;
  }
  /** Runs of that schedule that are claimed or running. */
  liveOf(configId: string): number {
    return this.#occupancy.liveOf(configId);
  }
  waitingOf(configId: string): number {
    return this.#occupancy.waitingOf(configId);
  }
  /** Why the item waits inside its tenant; null when nothing but its turn is in the way. */
  gateOf(item: QueueItem, now: number): Hold | null {
    return this.#occupancy.gateOf(item, now);
  }

  add(item: QueueItem): void {
    const line = this.#line(item.tenant_id);
    this.#items.set(item.run_id, item);
    line.total++;
    if (item.stage === 'waiting') this.#enlist(line, item);
    else this.#occupy(line, item);
  }

  remove(runId: string): void {
    const item = this.#items.get(runId);
    if (!item) return;
    const line = this.#line(item.tenant_id);
    if (item.stage === 'waiting') this.#delist(line, item);
    else this.#release(line, item);
    this.#items.delete(runId);
    line.total--;
    const { live, backfill } = this.#present;
    const idle = line.total === 0 && !line.hold && line.weight === 1 && line.live.turn <= live && line.backfill.turn <= backfill;
    if (idle) this.#lines.delete(item.tenant_id);
  }

  /** waiting -> claimed: it counts as dispatched from here on. */
  claim(runId: string): void {
    const item = this.#items.get(runId);
    if (item?.stage !== 'waiting') return;
    const line = this.#line(item.tenant_id);
    this.#delist(line, item);
    item.stage = 'claimed';
    this.#occupy(line, item);
    const lane = line[item.lane];
    this.#present[item.lane] = Math.max(lane.turn, this.#present[item.lane]);
    this.#turnTo(item.lane, lane, lane.turn + 1 / line.weight);
  }

  /** claimed or running -> waiting. `refund` when the claim came to nothing: the tenant's turn was not used. */
  giveBack(runId: string, refund: boolean): void {
    const item = this.#items.get(runId);
    if (!item || item.stage === 'waiting') return;
    const line = this.#line(item.tenant_id);
    this.#release(line, item);
    item.stage = 'waiting';
    const lane = line[item.lane];
    if (refund) this.#turnTo(item.lane, lane, lane.turn - 1 / line.weight);
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
    for (const item of [...line.live.waiting, ...line.backfill.waiting])
      if (item.hold?.gate === 'same_pipeline') item.hold = { ...item.hold, until: 0 };
    this.#wake(line);
  }
  setBackfillCap(backfillId: string, cap: number): void {
    this.#occupancy.capBackfill(backfillId, cap);
  }

  /** The next items in dispatch order, at most so many. */
  pick(now: number, max: number): readonly QueueItem[] {
    const picked: QueueItem[] = [];
    if (max <= 0) return picked;
    if (now >= this.#heldUntil) this.#letGo(now);
    for (let doze = this.#dozing.first; doze && doze.turn <= now; doze = this.#dozing.first) this.#wakeLane(doze.line, doze.lane);
    const taken = new Set<string>();
    for (const lane of ['live', 'backfill'] as const) this.#pickLane(lane, now, max, picked, taken);
    return picked;
  }

  #pickLane(lane: LaneName, now: number, max: number, picked: QueueItem[], taken: Set<string>): void {
    const backfills = new Map<string, number>();
    const seen = new Set<Lane>();
    const idle: Lane[] = [];
    this.#ready[lane].walk(
      (entry) => {
        const again = seen.has(entry);
        if (!again) entry.cursor = 0;
        seen.add(entry);
        const list = entry.waiting;
        while (entry.cursor < list.length && !this.#occupancy.mayGo(list[entry.cursor] as QueueItem, now, taken, backfills)) entry.cursor++;
        const item = list[entry.cursor++];
        if (!item) {
          if (!again) idle.push(entry);
          return undefined;
        }
        picked.push(item);
        if (item.config_id) taken.add(item.config_id);
        if (item.backfill_id) backfills.set(item.backfill_id, (backfills.get(item.backfill_id) ?? 0) + 1);
        return 1 / this.#line(entry.id).weight;
      },
      () => picked.length >= max,
    );
    for (const entry of idle) this.#letDoze(entry, lane, now);
  }

  /** Nothing of the lane can go now. It is looked at again when the first of its waits is over, or something happens to its tenant. */
  #letDoze(lane: Lane, name: LaneName, now: number): void {
    let until = Number.POSITIVE_INFINITY;
    for (const item of lane.waiting) {
      const own = Math.max(item.not_before, item.hold?.until ?? 0);
      if (own > now) until = Math.min(until, own);
    }
    this.#ready[name].remove(lane);
    lane.doze = new Doze(this.#line(lane.id), name, until);
    this.#dozing.put(lane.doze);
  }

  #wake(line: TenantLine): void {
    this.#wakeLane(line, 'live');
    this.#wakeLane(line, 'backfill');
  }

  #wakeLane(line: TenantLine, name: LaneName): void {
    const { doze } = line[name];
    if (!doze) return;
    this.#dozing.remove(doze);
    line[name].doze = null;
    this.#place(line);
  }

  /** Tenants whose hold is over come back. */
  #letGo(now: number): void {
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

  #turnTo(name: LaneName, lane: Lane, turn: number): void {
    lane.turn = turn;
    if (lane.place >= 0) this.#ready[name].put(lane);
  }

  /** Whoever comes in starts at the present: time spent idle or held is no credit. */
  #place(line: TenantLine): void {
    for (const name of ['live', 'backfill'] as const) {
      const lane = line[name];
      if (lane.waiting.length === 0 || this.#held.has(line) || lane.doze) this.#ready[name].remove(lane);
      else if (lane.place < 0) {
        lane.turn = Math.max(lane.turn, this.#present[name]);
        this.#ready[name].put(lane);
      }
    }
  }

  #occupy(line: TenantLine, item: QueueItem): void {
    this.#wake(line);
    this.#occupancy.occupy(item);
  }
  #release(line: TenantLine, item: QueueItem): void {
    this.#wake(line);
    this.#occupancy.release(item);
  }

  #line(tenantId: string): TenantLine {
    let line = this.#lines.get(tenantId);
    if (!line) {
      line = new TenantLine(tenantId);
      this.#lines.set(tenantId, line);
    }
    return line;
  }

  #enlist(line: TenantLine, item: QueueItem): void {
    line[item.lane].put(item);
    this.#wake(line);
    this.#place(line);
    this.#occupancy.wait(item, 1);
    this.waiting++;
  }

  #delist(line: TenantLine, item: QueueItem): void {
    line[item.lane].take(item);
    this.#wake(line);
    this.#place(line);
    this.#occupancy.wait(item, -1);
    this.waiting--;
  }
}
