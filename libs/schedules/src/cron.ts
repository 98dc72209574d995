/**
 * Cron expressions with zones: when does a schedule fire next? cron-parser reads the text and walks the calendar; what a
 * zone does to it is decided here, because a shift of the clocks must not lose or double a run.
 *
 * It knows no schedule, queue or clock.
 *
 * 1. A time of day that does not exist fires at the instant the clocks jump over it (or is left out, if the policy says so).
 * 2. A time of day that happens twice fires once: the first time (or the last, or both, as the policy says).
 * 3. An expression whose hour is open (`*`, `*\/n`) counts real time: it fires through a fold and is silent in a gap.
 * 4. `next` is strictly after the instant asked about, and asking for the same gives the same.
 */
import { CronDate, CronExpressionParser } from 'cron-parser';
import { gapEnd, instantsOf, isZone, offsetAt, transitionBetween } from './zone.ts';

export interface DstPolicy {
  readonly gap: 'fire_after' | 'skip';
  readonly fold: 'first' | 'last' | 'both';
}
export const DEFAULT_DST: DstPolicy = { gap: 'fire_after', fold: 'first' };

export interface CronProblem {
  readonly field: 'schedule_cron' | 'timezone';
  readonly message: string;
}

/** Fires closer together than this are refused: a pipeline is not a heartbeat. */
export const MINIMUM_PERIOD_MS = 60_000;
/** Looking further ahead than this means never (29 February comes within 8 years). */
const HORIZON_MS = 9 * 366 * 86_400_000;
const ALIASES: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

/** `H` becomes a fixed number chosen by the seed (the schedule's id), so that thousands of dailies do not meet at minute 0. */
export function resolveCron(text: string, seed: string): string {
  const trimmed = text.trim();
  const expanded = ALIASES[trimmed] ?? trimmed;
  if (!/\bH\b|H[(/]/.test(expanded)) return expanded.replace(/\s+/g, ' ');
  return CronExpressionParser.parse(expanded, { ...UTC, hashSeed: seed }).stringify(expanded.split(/\s+/).length === 6);
}

/** With a date and its zone said: without them the parser asks what zone this machine is in, which takes longer than all the rest. */
const UTC = { tz: 'UTC', currentDate: new CronDate(new Date(0), 'UTC') };

/** Thousands of schedules share an expression, and what is wrong with one does not change within a day. */
const judged = new Map<string, readonly CronProblem[]>();

/** Everything wrong with the pair, in words for the person who typed it; empty when it can be scheduled. */
export function checkCron(text: string, zone: string, now: number): readonly CronProblem[] {
  const key = `${Math.floor(now / 86_400_000)} ${zone} ${text}`;
  let problems = judged.get(key);
  if (!problems) {
    problems = judge(text, zone, now);
    if (judged.size >= REMEMBERED) judged.clear();
    judged.set(key, problems);
  }
  return problems;
}

function judge(text: string, zone: string, now: number): readonly CronProblem[] {
  if (!isZone(zone)) return [{ field: 'timezone', message: `"${zone}" is not an IANA time zone; for example "Europe/Berlin" or "UTC"` }];
  const bad = (message: string): readonly CronProblem[] => [{ field: 'schedule_cron', message }];
  const expanded = ALIASES[text.trim()] ?? text.trim();
  const fields = expanded.split(/\s+/).length;
  if (fields !== 5 && fields !== 6)
    return bad(`"${text}" has ${expanded ? fields : 0} fields; cron takes 5 (minute hour day month weekday) or 6 with seconds first`);
  let cron: string;
  try {
    cron = resolveCron(text, 'check');
    CronExpressionParser.parse(cron, UTC);
  } catch (error) {
    const reason = (error as Error).message;
    return bad(
      /explicit day of month/i.test(reason)
        ? `"${text}" never fires: no such day in the months it names`
        : `"${text}" can not be read: ${reason}`,
    );
  }
  const fires = upcoming(cron, zone, DEFAULT_DST, now, 12);
  if (fires.length === 0) return bad(`"${text}" never fires`);
  const tooClose = fires.some((fire, i) => i > 0 && fire - (fires[i - 1] as number) < MINIMUM_PERIOD_MS);
  return tooClose ? bad(`"${text}" fires more often than once a minute`) : [];
}

/** The next fire strictly after that instant, or undefined when there is none within nine years. `cron` is resolved already. */
export function nextFire(cron: string, zone: string, policy: DstPolicy, after: number): number | undefined {
  return hourIsOpen(cron) ? nextOfInterval(cron, zone, after) : nextOfTimeOfDay(cron, zone, policy, after);
}

export function upcoming(cron: string, zone: string, policy: DstPolicy, after: number, count: number): readonly number[] {
  const fires: number[] = [];
  for (let at = nextFire(cron, zone, policy, after); at !== undefined && fires.length < count; at = nextFire(cron, zone, policy, at))
    fires.push(at);
  return fires;
}

const hourIsOpen = (cron: string): boolean => (cron.split(' ').at(-4) ?? '').startsWith('*');

function nextOfTimeOfDay(cron: string, zone: string, policy: DstPolicy, after: number): number | undefined {
  // A wall shown twice or never may lie up to a few hours before the wall of `after`: start early, skip what is past.
  let wall: number | undefined = after + offsetAt(zone, after) - 4 * 3_600_000;
  for (;;) {
    wall = nextWall(cron, wall);
    if (wall === undefined || wall - after > HORIZON_MS) return undefined;
    const fire = firesOf(zone, wall, policy).find((instant) => instant > after);
    if (fire !== undefined) return fire;
  }
}

function firesOf(zone: string, wall: number, policy: DstPolicy): readonly number[] {
  const instants = instantsOf(zone, wall);
  if (instants.length === 0) return policy.gap === 'skip' ? [] : [gapEnd(zone, wall)];
  if (instants.length === 1 || policy.fold === 'both') return instants;
  return [policy.fold === 'first' ? instants[0] : instants[1]] as number[];
}

function nextOfInterval(cron: string, zone: string, after: number): number | undefined {
  let from = after;
  let offset = offsetAt(zone, from);
  let wall = from + offset;
  for (;;) {
    const next = nextWall(cron, wall);
    if (next === undefined || next - after > HORIZON_MS) return undefined;
    const instant = next - offset;
    if (offsetAt(zone, instant) === offset) return instant;
    from = transitionBetween(zone, from, instant);
    offset = offsetAt(zone, from);
    wall = from + offset - 1;
  }
}

/** Walking the calendar costs tens of microseconds, and thousands of schedules share an expression: remember. */
const walls = new Map<string, number>();
const expressions = new Map<string, ReturnType<typeof CronExpressionParser.parse>>();
const REMEMBERED = 20_000;

function nextWall(cron: string, wall: number): number | undefined {
  // Whole seconds: two walls within one second have the same next one.
  const second = Math.floor(wall / 1000);
  const key = `${second} ${cron}`;
  const known = walls.get(key);
  if (known !== undefined) return known;
  let expression = expressions.get(cron);
  if (!expression) {
    expression = CronExpressionParser.parse(cron, UTC);
    if (expressions.size >= REMEMBERED) expressions.clear();
    expressions.set(cron, expression);
  }
  expression.reset(new CronDate(new Date(second * 1000), 'UTC'));
  if (!expression.hasNext()) return undefined;
  const next = expression.next().getTime();
  if (walls.size >= REMEMBERED) walls.clear();
  walls.set(key, next);
  return next;
}
