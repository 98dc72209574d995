import { IANAZone } from 'luxon';

/**
 * Wall-clock arithmetic in IANA zones. A "wall" is the local date and time written as if it were UTC milliseconds:
 * 02:30 in New York is the wall 02:30Z. It knows no cron.
 */
const DAY = 86_400_000;

const judged = new Map<string, boolean>();

export function isZone(name: string): boolean {
  let valid = judged.get(name);
  if (valid === undefined) {
    valid = IANAZone.isValidZone(name) && !/^(etc\/)?gmt[+-]/i.test(name);
    // Only names that exist are worth keeping: there are 600 of those, and no end of others.
    if (valid) judged.set(name, true);
  }
  return valid;
}

/** Asking Intl costs microseconds and garbage, and every fire asks several times: each zone's year is asked for once. */
interface Stretch {
  readonly from: number;
  readonly offset: number;
}
const years = new Map<string, Map<number, readonly Stretch[]>>();

export function offsetAt(zone: string, instant: number): number {
  if (zone === 'UTC') return 0;
  const stretches = yearOf(zone, new Date(instant).getUTCFullYear());
  let at = stretches.length - 1;
  while (at > 0 && (stretches[at] as Stretch).from > instant) at--;
  return (stretches[at] as Stretch).offset;
}

/** What a clock on the wall of that zone shows, written as if it were UTC. */
export const wallTime = (zone: string, instant: number): number => instant + offsetAt(zone, instant);

function yearOf(zone: string, year: number): readonly Stretch[] {
  let mine = years.get(zone);
  if (!mine) {
    mine = new Map();
    years.set(zone, mine);
  }
  let known = mine.get(year);
  if (!known) {
    known = askYear(zone, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));
    mine.set(year, known);
  }
  return known;
}

function askYear(zone: string, start: number, end: number): readonly Stretch[] {
  const iana = IANAZone.create(zone);
  const ask = (instant: number): number => iana.offset(instant) * 60_000;
  const stretches: Stretch[] = [{ from: start, offset: ask(start) }];
  for (let day = start; day < end; day += DAY) {
    const before = (stretches.at(-1) as Stretch).offset;
    const after = ask(Math.min(day + DAY, end - 1));
    if (after === before) continue;
    let [low, high] = [day, Math.min(day + DAY, end - 1)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (ask(middle) === before) low = middle;
      else high = middle;
    }
    stretches.push({ from: high, offset: after });
  }
  return stretches;
}

/** First instant after `from` and not after `to` at which the offset is another than at `from`. */
export function transitionBetween(zone: string, from: number, to: number): number {
  const before = offsetAt(zone, from);
  let [low, high] = [from, to];
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
  if (early === late) return [wall - early];
  return [wall - early, wall - late].filter((instant) => wall - instant === offsetAt(zone, instant)).sort((a, b) => a - b);
}

/** For a wall that no clock shows: the instant at which the clocks jumped over it. */
export const gapEnd = (zone: string, wall: number): number =>
  transitionBetween(zone, wall - DAY - offsetAt(zone, wall - DAY), wall + DAY - offsetAt(zone, wall + DAY));
