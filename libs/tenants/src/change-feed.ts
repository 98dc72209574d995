/**
 * Which tenants changed since a reader last looked, without keeping a list per reader.
 *
 * 1. A tenant appears once, at its first change that nobody was told of. 2. Positions mean something only within one process's life.
 */
interface Entry {
  readonly position: number;
  readonly id: string;
}
export interface ChangeFeed {
  readonly positions: Map<string, number>;
  log: Entry[];
  last: number;
  /** What comes after it nobody was told of. */
  told: number;
}
export const emptyFeed = (): ChangeFeed => ({ positions: new Map(), log: [], last: 0, told: 0 });

export function touch(feed: ChangeFeed, id: string): void {
  if ((feed.positions.get(id) ?? 0) > feed.told) return;
  feed.last += 1;
  feed.positions.set(id, feed.last);
  feed.log.push({ position: feed.last, id });
  if (feed.log.length > 2 * feed.positions.size + 1024) feed.log = feed.log.filter((entry) => isNewest(feed, entry));
}

/** Ids changed after that position, at most `limit`. */
export function changesAfter(
  feed: ChangeFeed,
  position: number,
  limit: number,
): { readonly ids: readonly string[]; readonly position: number; readonly more: boolean } {
  const ids: string[] = [];
  let reached = position;
  feed.told = feed.last;
  for (let i = firstAfter(feed.log, position); i < feed.log.length; i += 1) {
    const entry = feed.log[i];
    if (!entry || !isNewest(feed, entry)) continue;
    if (ids.length === limit) return { ids, position: reached, more: true };
    ids.push(entry.id);
    reached = entry.position;
  }
  return { ids, position: Math.max(reached, feed.last), more: false };
}

const isNewest = (feed: ChangeFeed, entry: Entry): boolean => feed.positions.get(entry.id) === entry.position;

function firstAfter(log: readonly Entry[], position: number): number {
  let low = 0;
  let high = log.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle]?.position ?? 0) > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
