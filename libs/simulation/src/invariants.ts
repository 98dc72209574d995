/**
 * What must hold, whatever happens. Each is checked where it could break: at every event, at every admission, before every round, and
 * what nobody does every two minutes, by looking at all that waits. A breach throws, with the seed that
 * shows it again.
 *
 * 1. Live reservations of a tenant never exceed its concurrent limit; what it used never its daily or monthly limit.
 * 2. Each (schedule, fire time) becomes at most one scheduled run, and each try of one at most one admitted run.
 * 3. No tenant waits while it is eligible and a place is free.
 * 4. No item is older than its time to live.
 * 5. Once faults stop, every run ends and every reservation with it.
 * 6. Tenants that always have work get dispatches by weight: see fairness.ts.
 */
import type { RunSpec } from '@convergence/contracts';
import type { QueueItem, ScheduleEvent, SchedulesState } from '@convergence/schedules';
import { type Tenant, type TenantsState, usageAt } from '@convergence/tenants';
import { Fairness } from './fairness.ts';

export class Breach extends Error {
  override readonly name = 'Breach';
}

/** Sweeping comes by the clock, so an item may be this much too old. */
const SWEPT_WITHIN_MS = 60_000;
/** How often all that waits is looked at; who could go at one look is gone at the next but one. */
export const LOOK_MS = 120_000;

export class Invariants {
  readonly #seed: number;
  readonly #now: () => number;
  readonly #fired = new Set<string>();
  readonly #attempts = new Set<string>();
  /** By scheduled run: tries of it that were not admitted yet. */
  readonly #tries = new Map<string, number>();
  readonly fairness = new Fairness((what) => this.#breach(6, what));
  /** Who could go and did not, with the first look that found it. */
  readonly #idle = new Map<string, number>();

  constructor(seed: number, now: () => number) {
    this.#seed = seed;
    this.#now = now;
  }

  /** Before the event is applied. */
  happens(event: ScheduleEvent, { queue }: SchedulesState): void {
    const item = 'run_id' in event ? queue.get(event.run_id) : undefined;
    if (item) this.#idle.delete(item.run_id);
    switch (event.type) {
      case 'schedule-fired': {
        const fire = `${event.config_id} ${event.fire_time}`;
        if (this.#fired.has(fire)) this.#breach(2, `${fire} fired twice`);
        this.#fired.add(fire);
        this.#tries.set(event.run_id, 1);
        return;
      }
      case 'item-claimed':
        if (item) this.fairness.claimed(item, this.#now());
        return;
      case 'item-retried':
        this.#tries.set(event.run_id, (this.#tries.get(event.run_id) ?? 0) + 1);
        return;
      case 'item-held':
        if (event.scope === 'tenant') this.fairness.stopped(event.tenant_id);
        else if (item) this.fairness.returned(item);
        return;
      case 'item-ended':
        if (item?.stage === 'waiting') this.fairness.stopped(event.tenant_id);
        return;
    }
  }

  admitted(run: RunSpec, tenant: Tenant): void {
    if (this.#attempts.has(run.run_id)) this.#breach(2, `attempt ${run.run_id} was admitted twice`);
    this.#attempts.add(run.run_id);
    const scheduled = run.scheduled_run_id as string;
    const left = (this.#tries.get(scheduled) ?? 0) - 1;
    if (left < 0) this.#breach(2, `${scheduled} was admitted more often than it was tried`);
    this.#tries.set(scheduled, left);
    const { max_concurrent_pipelines, max_pipelines_per_day, max_pipelines_per_month } = tenant.subscription;
    const used = usageAt(tenant, this.#now());
    const over = (what: string, is: number, limit: number): void => {
      if (is > limit) this.#breach(1, `${run.tenant_id}: ${is} ${what}, ${limit} are allowed`);
    };
    over('live runs', tenant.live.size, max_concurrent_pipelines);
    over('runs today', used.run, max_pipelines_per_day);
    over('runs this month', used.month_run, max_pipelines_per_month);
  }

  /** After a round, or instead of one: no place is free, or nobody can be asked. Whoever waits, waits rightly. */
  noneCanGo(): void {
    this.#idle.clear();
  }

  /** Asks the items themselves, not the queue's index of who may go. */
  look(state: SchedulesState): void {
    const now = this.#now();
    for (const item of state.queue.items()) {
      if (item.stage !== 'waiting') continue;
      if (item.expires_at < now - SWEPT_WITHIN_MS) this.#breach(4, `${item.run_id} waits past its time to live`);
      if (!mayGo(state, item, now)) {
        this.#idle.delete(item.run_id);
        continue;
      }
      const since = this.#idle.get(item.run_id);
      if (since === undefined) this.#idle.set(item.run_id, now);
      else if (now - since > LOOK_MS)
        this.#breach(3, `${item.run_id} of ${item.tenant_id} could go since ${new Date(since).toISOString()}`);
    }
  }

  ended({ queue }: SchedulesState, { tenants }: TenantsState): void {
    const [left] = queue.items();
    if (left) this.#breach(5, `${queue.size} items never ended, the first: ${JSON.stringify(left)}`);
    for (const { tenant_id, live } of tenants.values())
      if (live.size > 0) this.#breach(5, `${tenant_id} holds ${live.size} reservations of ended runs`);
  }

  #breach(invariant: number, what: string): never {
    throw new Breach(`seed ${this.#seed}, ${new Date(this.#now()).toISOString()}: invariant ${invariant}: ${what}`);
  }
}

function mayGo({ queue }: SchedulesState, item: QueueItem, now: number): boolean {
  const over = (until: number | undefined): boolean => (until ?? 0) <= now;
  if (!over(item.not_before) || !over(item.hold?.until) || !over(queue.holdOf(item.tenant_id)?.until)) return false;
  // Of several runs of one schedule only the queue knows which is next.
  return item.overlap === 'allow' || !item.config_id || queue.liveOf(item.config_id) + queue.waitingOf(item.config_id) === 1;
}
