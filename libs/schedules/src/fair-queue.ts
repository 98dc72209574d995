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
import { type Turn, TurnHeap } from './turn-heap.ts';

/** A tenant's waiting items of one lane by score, and whose turn it is there. */
class Lane implements Turn {
  readonly id: string;
  turn = 0;
  place = -1;
  /** While nothing of it can go before that time, unless something happens to its tenant. */
  doze: Doze | null = null;
  readonly waiting: QueueItem[] = [];
  /** How far a walk has come; means nothing outside of one. */
  cursor = 0;
  constructor(id: string) {
    this.id = id;
  }
}

/** Until when a lane need not be looked at. */
class Doze implements Turn {
  readonly id: string;
  readonly turn: number;
  place = -1;
  readonly line: TenantLine;
  readonly lane: 'live' | 'backfill';
  constructor(line: TenantLine, lane: 'live' | 'backfill', until: number) {
    this.id = line.live.id;
    this.turn = until;
    this.line = line;
    this.lane = lane;
  }
}

class TenantLine {
  weight = 1;
  hold: Hold | null = null;
  readonly live: Lane;
  readonly backfill: Lane;
  total = 0;
  constructor(id: string) {
    this.live = new Lane(id);
    this.backfill = new Lane(id);
  }
}

export class FairQueue {
  readonly #lines = new Map<string, TenantLine>();
  readonly #items = new Map<string, QueueItem>();
  /** Items that are claimed or running, by schedule: what an overlap policy looks at. */
  readonly #busy = new Map<string, Set<string>>();
  /** All that is claimed or running: few, whatever waits. */
  readonly #underWay = new Set<QueueItem>();
  /** Waiting items, by schedule. */
  readonly #waitingBySchedule = new Map<string, number>();
  readonly #backfillsBusy = new Map<string, number>();
  readonly #backfillCaps = new Map<string, number>();
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
    return this.#underWay;
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
    this.#occupy(item, 1);
    const lane = line[item.lane];
    this.#present[item.lane] = Math.max(lane.turn, this.#present[item.lane]);
    this.#turnTo(item.lane, lane, this.#present[item.lane] + 1 / line.weight);
  }

  /** claimed or running -> waiting. `refund` when the claim came to nothing: the tenant's turn was not used. */
  giveBack(runId: string, refund: boolean): void {
    const item = this.#items.get(runId);
    if (!item || item.stage === 'waiting') return;
    const line = this.#line(item.tenant_id);
    this.#occupy(item, -1);
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
    for (const item of [...line.live.waiting, ...line.backfill.waiting]) if (item.hold?.gate === 'same_pipeline') item.hold = null;
    this.#wake(line);
  }
  setBackfillCap(backfillId: string, cap: number): void {
    this.#backfillCaps.set(backfillId, cap);
  }

  /** The next items in dispatch order, at most so many. */
  pick(now: number, max: number): readonly QueueItem[] {
    const picked: QueueItem[] = [];
    if (max <= 0) return picked;
    if (now >= this.#heldUntil) this.#release(now);
    for (let doze = this.#dozing.first; doze && doze.turn <= now; doze = this.#dozing.first) this.#wakeLane(doze.line, doze.lane);
    const taken = new Set<string>();
    for (const lane of ['live', 'backfill'] as const) this.#pickLane(lane, now, max, picked, taken);
    return picked;
  }

  #pickLane(lane: 'live' | 'backfill', now: number, max: number, picked: QueueItem[], taken: Set<string>): void {
    const backfills = new Map<string, number>();
    const seen = new Set<Lane>();
    const idle: Lane[] = [];
    this.#ready[lane].walk(
      (entry) => {
        const again = seen.has(entry);
        if (!again) entry.cursor = 0;
        seen.add(entry);
        const list = entry.waiting;
        while (entry.cursor < list.length && !this.#mayGo(list[entry.cursor] as QueueItem, now, taken, backfills)) entry.cursor++;
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
  #letDoze(lane: Lane, name: 'live' | 'backfill', now: number): void {
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

  #wakeLane(line: TenantLine, name: 'live' | 'backfill'): void {
    const { doze } = line[name];
    if (!doze) return;
    this.#dozing.remove(doze);
    line[name].doze = null;
    this.#place(line);
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

  #turnTo(name: 'live' | 'backfill', lane: Lane, turn: number): void {
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
    const line = this.#lines.get(item.tenant_id);
    if (line) this.#wake(line);
    if (by === 1) this.#underWay.add(item);
    else this.#underWay.delete(item);
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
    const { waiting } = line[item.lane];
    waiting.splice(position(waiting, item), 0, item);
    this.#wake(line);
    this.#place(line);
    this.#wait(item, 1);
  }

  #delist(line: TenantLine, item: QueueItem): void {
    const { waiting } = line[item.lane];
    const at = position(waiting, item);
    if (waiting[at] !== item) throw new Error(`queue index lost ${item.run_id}`);
    waiting.splice(at, 1);
    this.#wake(line);
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
