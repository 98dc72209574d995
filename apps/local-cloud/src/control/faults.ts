/**
 * Named places where something can go wrong on purpose.
 *
 * 1. `at(point)` answers undefined unless a plan for that point says "now"; the caller then does what the point's name says.
 * 2. Every point counts how often it was passed and how often it fired, so a test that meant to hit one can tell.
 * 3. A plan for a point that no product declared is refused: a typo must not make a test pass.
 */
export interface Firing {
  /** For slow and delayed points: how long, in virtual milliseconds. */
  readonly delayMs: number;
}
export interface Plan {
  /** Chance of each passage, 0-1; default 1. */
  readonly probability?: number;
  /** Fire at most this often; default without end. */
  readonly times?: number;
  /** Let this many passages go by first. */
  readonly after?: number;
  /** Default 1000. */
  readonly delayMs?: number;
}
export interface Faults {
  at(point: string): Firing | undefined;
  /** Products list their points once at start, each with what happens there. */
  declare(points: Readonly<Record<string, string>>): void;
  set(plans: Readonly<Record<string, Plan | null>>): void;
  clear(): void;
  snapshot(): Record<string, { readonly about: string; readonly plan: Plan | null; readonly passed: number; readonly fired: number }>;
}

interface Point {
  about: string;
  plan: Plan | null;
  /** Passages and firings since the plan was set. */
  seen: number;
  hit: number;
  passed: number;
  fired: number;
}

export function createFaults(random: () => number = Math.random): Faults {
  const points = new Map<string, Point>();
  let armed = false;
  return {
    at(name) {
      const point = points.get(name);
      if (point === undefined) {
        throw new Error(`fault point ${name} was never declared`);
      }
      point.passed++;
      if (!armed || point.plan === null) {
        return undefined;
      }
      const { probability = 1, times = Number.POSITIVE_INFINITY, after = 0, delayMs = 1000 } = point.plan;
      point.seen++;
      if (point.seen <= after || point.hit >= times || random() >= probability) {
        return undefined;
      }
      point.hit++;
      point.fired++;
      return { delayMs };
    },
    declare(declared) {
      for (const [name, about] of Object.entries(declared)) {
        points.set(name, { about, plan: null, seen: 0, hit: 0, passed: 0, fired: 0 });
      }
    },
    set(plans) {
      for (const [name, plan] of Object.entries(plans)) {
        const point = points.get(name);
        if (point === undefined) {
          throw new RangeError(`no fault point is called ${name}; known: ${[...points.keys()].sort().join(', ')}`);
        }
        point.plan = plan;
        point.seen = 0;
        point.hit = 0;
      }
      armed = [...points.values()].some((point) => point.plan !== null);
    },
    clear() {
      for (const point of points.values()) {
        Object.assign(point, { plan: null, seen: 0, hit: 0, passed: 0, fired: 0 });
      }
      armed = false;
    },
    snapshot: () => Object.fromEntries([...points].map(([name, { about, plan, passed, fired }]) => [name, { about, plan, passed, fired }])),
  };
}

/** `LOCAL_CLOUD_FAULTS="bigquery.answer_lost=0.1,pubsub.delivery.delay=0.05:200ms:x3"`: point=probability[:delay][:xTimes]. */
export function parseFaults(text: string): Record<string, Plan> {
  const plans: Record<string, Plan> = {};
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') {
      continue;
    }
    const match = /^([a-z0-9_.-]+)=(0|1|0?\.\d+|1\.0+)(?::(\d+)ms)?(?::x(\d+))?$/.exec(entry);
    if (match === null) {
      throw new RangeError(`"${entry}" is not of the form point=probability[:200ms][:x3]`);
    }
    plans[match[1]!] = {
      probability: Number(match[2]),
      ...(match[3] === undefined ? {} : { delayMs: Number(match[3]) }),
      ...(match[4] === undefined ? {} : { times: Number(match[4]) }),
    };
  }
  return plans;
}
