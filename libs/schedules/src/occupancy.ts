import type { Hold, QueueItem } from './schedule.ts';

/** Which schedules and backfills are at work: what an overlap policy and a backfill's cap look at, and what they say to who waits. */
export class Occupancy {
  /** Items that are claimed or running, by schedule. */
  readonly #busy = new Map<string, Set<QueueItem>>();
  /** Waiting items, by schedule. */
  readonly #waiting = new Map<string, number>();
  readonly #backfillsBusy = new Map<string, number>();
  readonly #backfillCaps = new Map<string, number>();
  /** All that is claimed or running: few, whatever waits. */
  readonly underWay = new Set<QueueItem>();

  occupy(item: QueueItem): void {
    this.underWay.add(item);
    if (item.backfill_id) this.#backfillsBusy.set(item.backfill_id, this.#busyOf(item.backfill_id) + 1);
    if (!item.config_id) return;
    const busy = this.#busy.get(item.config_id);
    if (busy) busy.add(item);
    else this.#busy.set(item.config_id, new Set([item]));
  }

  release(item: QueueItem): void {
    this.underWay.delete(item);
    if (item.backfill_id) this.#backfillsBusy.set(item.backfill_id, this.#busyOf(item.backfill_id) - 1);
    const busy = item.config_id ? this.#busy.get(item.config_id) : undefined;
    busy?.delete(item);
    if (busy?.size === 0) this.#busy.delete(item.config_id as string);
  }

  wait(item: QueueItem, by: 1 | -1): void {
    if (!item.config_id) return;
    const count = this.waitingOf(item.config_id) + by;
    if (count > 0) this.#waiting.set(item.config_id, count);
    else this.#waiting.delete(item.config_id);
  }

  liveOf(configId: string): number {
    return this.#busy.get(configId)?.size ?? 0;
  }
  waitingOf(configId: string): number {
    return this.#waiting.get(configId) ?? 0;
  }
  capBackfill(backfillId: string, cap: number): void {
    this.#backfillCaps.set(backfillId, cap);
  }

  /** `taken` and `backfills`: schedules and backfills of what is picked already. */
  mayGo(item: QueueItem, now: number, taken: ReadonlySet<string>, backfills: ReadonlyMap<string, number>): boolean {
    if (item.not_before > now || (item.hold && item.hold.until > now)) return false;
    if (item.config_id && item.overlap !== 'allow' && (taken.has(item.config_id) || this.liveOf(item.config_id) > 0)) return false;
    return !(item.backfill_id && this.#backfillFull(item.backfill_id, backfills.get(item.backfill_id) ?? 0));
  }

  /** Why a waiting item waits inside its tenant; null when nothing but its turn is in the way. */
  gateOf(item: QueueItem, now: number): Hold | null {
    if (item.hold && item.hold.until > now) return item.hold;
    const { config_id, backfill_id, added_at } = item;
    // A hold is not remembered over a restart: since when it waits to be tried again nobody knows then.
    if (item.not_before > now) return { ...retryHold(item), since: added_at };
    const open = { until: Number.POSITIVE_INFINITY, expected: null };
    if (config_id && item.overlap !== 'allow') {
      const [live] = this.#busy.get(config_id) ?? [];
      const since = Math.max(added_at, live?.processing_started_at ?? 0);
      const detail = 'The run before of this schedule is still live';
      if (live) return { gate: 'same_schedule', detail, value: live.pipeline_logging_id ?? live.run_id, limit: null, since, ...open };
    }
    if (!backfill_id || !this.#backfillFull(backfill_id, 0)) return null;
    const limit = this.#backfillCaps.get(backfill_id) as number;
    const value = this.#busyOf(backfill_id);
    return { gate: 'backfill_concurrency', detail: `The backfill runs ${limit} at a time`, value, limit, since: added_at, ...open };
  }

  #busyOf(backfillId: string): number {
    return this.#backfillsBusy.get(backfillId) ?? 0;
  }
  #backfillFull(id: string, more: number): boolean {
    const cap = this.#backfillCaps.get(id);
    return cap !== undefined && this.#busyOf(id) + more >= cap;
  }
}

/** It failed, and its time has not come again. */
export const retryHold = ({ last_error, retry_count, max_retries, not_before }: QueueItem): Omit<Hold, 'since'> => ({
  gate: 'retry_backoff',
  detail: `Failed, retry ${retry_count} of ${max_retries} follows${last_error ? `: ${last_error}` : ''}`,
  value: retry_count,
  limit: max_retries,
  until: not_before,
  expected: not_before,
});
