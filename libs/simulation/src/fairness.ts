/**
 * Is the queue fair? Looks over the shoulder of dispatch, knows nothing of how the queue decides.
 *
 * A window opens when more wait than there are places, and closes after a thousand claims. Of the tenants that could go at any time of
 * it (they had more that could go at its start than they claimed, and nothing held them) each must have got its weight's share of what
 * they got together: within 5 %, or within what can not be divided. A tenant's turn is at most one dispatch away from its due at both
 * ends of a window, whatever its weight: so 1, and its part of everybody else's 1.
 */
import type { QueueItem, SchedulesState } from '@convergence/schedules';

export const WINDOW = 1000;
const TOLERANCE = 0.05;
/** Below this many dispatches a share says nothing about percents. */
const TELLING = 50;
/** Where nobody was waiting all along, the next look can wait. */
const PAUSE_MS = 60_000;

interface Contender {
  readonly weight: number;
  ready: number;
  got: number;
}

export class Fairness {
  readonly #breach: (what: string) => never;
  #contenders: Map<string, Contender> | undefined;
  #claims = 0;
  #pausedUntil = 0;
  windows = 0;
  /** The largest error of those with a telling number of dispatches, as a part of their share. */
  worst = 0;

  constructor(breach: (what: string) => never) {
    this.#breach = breach;
  }

  /** Before each round. */
  look(state: SchedulesState, now: number): void {
    if (this.#contenders || now < this.#pausedUntil || state.queue.waiting <= WINDOW) return;
    const contenders = new Map<string, Contender>();
    for (const { tenant_id, lane } of state.queue.pick(now, Number.POSITIVE_INFINITY)) {
      if (lane !== 'live') break;
      const known = contenders.get(tenant_id);
      if (known) known.ready++;
      else contenders.set(tenant_id, { weight: state.tenants.get(tenant_id)?.weight ?? 1, ready: 1, got: 0 });
    }
    this.#contenders = contenders;
    this.#claims = 0;
  }

  claimed(item: QueueItem, now: number): void {
    const contenders = this.#contenders;
    if (!contenders || item.stage !== 'waiting' || item.lane !== 'live') return;
    const contender = contenders.get(item.tenant_id);
    if (contender) contender.got++;
    if (++this.#claims < WINDOW) return;
    this.#contenders = undefined;
    const busy = [...contenders].filter(([, { ready, got }]) => got < ready);
    if (busy.length < 2) this.#pausedUntil = now + PAUSE_MS;
    else this.#compare(busy);
  }

  /** The claim came to nothing: its turn is not used, and the item can not go for a while. */
  returned({ tenant_id, lane }: QueueItem): void {
    const contender = lane === 'live' ? this.#contenders?.get(tenant_id) : undefined;
    if (!contender) return;
    contender.got--;
    contender.ready--;
  }

  /** Something was in the tenant's way: it no longer could go all along. */
  stopped(tenantId: string): void {
    this.#contenders?.delete(tenantId);
  }

  /** Forgets the window: a new owner starts everybody at the present. The next round opens another. */
  restart(): void {
    this.#contenders = undefined;
    this.#pausedUntil = 0;
  }

  #compare(busy: readonly (readonly [string, Contender])[]): void {
    this.windows++;
    let got = 0;
    let weight = 0;
    for (const [, contender] of busy) {
      got += contender.got;
      weight += contender.weight;
    }
    for (const [id, contender] of busy) {
      const due = (got * contender.weight) / weight;
      const error = Math.abs(contender.got - due);
      if (due >= TELLING) this.worst = Math.max(this.worst, error / due);
      if (error > Math.max(TOLERANCE * due, 1 + (contender.weight * busy.length) / weight))
        this.#breach(`${id} with weight ${contender.weight} got ${contender.got} of ${got} dispatches, ${due.toFixed(1)} were its due`);
    }
  }
}
