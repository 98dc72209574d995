import type { Hold, Lane as LaneName, QueueItem } from './schedule.ts';
import { scoreOf } from './schedule.ts';
import type { Turn } from './turn-heap.ts';

/** A tenant's waiting items of one lane by score, and whose turn it is there. */
export class Lane implements Turn {
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

  put(item: QueueItem): void {
    this.waiting.splice(this.#position(item), 0, item);
  }
  take(item: QueueItem): void {
    const at = this.#position(item);
    if (this.waiting[at] !== item) throw new Error(`queue index lost ${item.run_id}`);
    this.waiting.splice(at, 1);
  }

  #position(item: QueueItem): number {
    let low = 0;
    let high = this.waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order(this.waiting[middle] as QueueItem, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Until when a lane need not be looked at. */
export class Doze implements Turn {
  readonly id: string;
  readonly turn: number;
  place = -1;
  readonly line: TenantLine;
  readonly lane: LaneName;
  constructor(line: TenantLine, lane: LaneName, until: number) {
    this.id = line.live.id;
    this.turn = until;
    this.line = line;
    this.lane = lane;
  }
}

/** What the queue holds of one tenant. */
export class TenantLine {
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

const order = (a: QueueItem, b: QueueItem): number => scoreOf(a) - scoreOf(b) || (a.run_id < b.run_id ? -1 : a.run_id > b.run_id ? 1 : 0);
