import { offsetAt } from './zone.ts';

/**
 * `{yesterday}` and friends in a schedule's parameters, evaluated when it fires: the fire's own local date counts, not
 * the moment at which somebody gets to it, so a run that waited three hours past midnight still asks for the same day.
 */
const DAY = 86_400_000;
const date = (wall: number): string => new Date(wall).toISOString().slice(0, 10);
const monthStart = (wall: number, months = 0): number => {
  const d = new Date(wall);
  return Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + months, 1);
};

const VARIABLES: Readonly<Record<string, (wall: number) => string>> = {
  today: (w) => date(w),
  yesterday: (w) => date(w - DAY),
  day_before_yesterday: (w) => date(w - 2 * DAY),
  week_ago: (w) => date(w - 7 * DAY),
  month: (w) => date(w).slice(0, 7),
  month_start: (w) => date(monthStart(w)),
  last_month: (w) => date(monthStart(w, -1)).slice(0, 7),
  last_month_start: (w) => date(monthStart(w, -1)),
  last_month_end: (w) => date(monthStart(w) - DAY),
};
export const FIRE_VARIABLES = Object.keys(VARIABLES);

const PLACEHOLDER = /\{([a-z_]+)\}/g;

export function unknownVariables(parameters: Readonly<Record<string, unknown>>): readonly string[] {
  const unknown = new Set<string>();
  eachString(parameters, (text) => {
    for (const [, name] of text.matchAll(PLACEHOLDER)) if (name !== undefined && !(name in VARIABLES)) unknown.add(name);
  });
  return [...unknown];
}

export function resolveFireVariables(
  parameters: Readonly<Record<string, unknown>>,
  fireTime: number,
  zone: string,
): Record<string, unknown> {
  const wall = fireTime + offsetAt(zone, fireTime);
  const resolve = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.includes('{') ? value.replace(PLACEHOLDER, (whole, name: string) => VARIABLES[name]?.(wall) ?? whole) : value;
    if (Array.isArray(value)) return value.map(resolve);
    if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v)]));
    return value;
  };
  return resolve(parameters) as Record<string, unknown>;
}

function eachString(value: unknown, see: (text: string) => void): void {
  if (typeof value === 'string') see(value);
  else if (Array.isArray(value)) for (const v of value) eachString(v, see);
  else if (value && typeof value === 'object') for (const v of Object.values(value)) eachString(v, see);
}
