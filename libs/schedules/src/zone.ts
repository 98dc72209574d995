import { IANAZone } from 'luxon';

/**
 * Wall-clock arithmetic in IANA zones. A "wall" is the local date and time written as if it were UTC milliseconds:
 * 02:30 in New York is the wall 02:30Z. It knows no cron.
 */
const MINUTE = 60_000;
const DAY = 86_400_000;

export const isZone = (name: string): boolean => IANAZone.isValidZone(name) && !/^(etc\/)?gmt[+-]/i.test(name);

export const offsetAt = (zone: string, instant: number): number => (zone === 'UTC' ? 0 : IANAZone.create(zone).offset(instant) * MINUTE);

/** First instant after `from` (known offset) and not after `to` (another offset) at which the offset changed. */
export function transitionBetween(zone: string, from: number, to: number): number {
  const before = offsetAt(zone, from);
  let low = from;
  let high = to;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** The instants at which a clock on the wall shows this: none in a gap, two in a fold, one otherwise. */
export function instantsOf(zone: string, wall: number): readonly number[] {
  const early = offsetAt(zone, wall - DAY);
  const late = offsetAt(zone, wall + DAY);
  const found = new Set<number>();
  for (const offset of [early, late]) if (offsetAt(zone, wall - offset) === offset) found.add(wall - offset);
  return [...found].sort((a, b) => a - b);
}

/** For a wall that no clock shows: the instant at which the clocks jumped over it. */
export const gapEnd = (zone: string, wall: number): number =>
  transitionBetween(zone, wall - DAY - offsetAt(zone, wall - DAY), wall + DAY - offsetAt(zone, wall + DAY));
