/**
 * Works through the billing events that are kept, in Stripe's order of time, and again those that failed.
 *
 * 1. An event counts as processed only after its effect is journalled; a crash in between repeats the effect, which changes nothing.
 * 2. One that can never succeed is FAILED at once; others are tried with backoff for three days, longer than Stripe itself would.
 */
import { Refusal } from '@convergence/contracts';
import type { Clock } from '@convergence/ports';
import type { Log } from '@convergence/service';
import type { BillingEvent } from '@convergence/tenants';
import { execute, ITSELF, type TenantsSlice } from '../tenants-slice.ts';
import type { Effect } from './billing-effects.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 3_600_000;
const GIVEN_UP_AFTER_MS = 3 * 86_400_000;
/** Sooner when one is due, or when one comes in. */
const LOOK_EVERY_MS = 60_000;

export interface BillingQueueTools {
  readonly slice: TenantsSlice;
  readonly clock: Clock;
  readonly log: Log;
  readonly takeEffect: (event: BillingEvent) => Promise<Effect>;
}

export class BillingQueue {
  readonly #tools: BillingQueueTools;
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;
  #loop: Promise<void> | undefined;

  constructor(tools: BillingQueueTools) {
    this.#tools = tools;
  }

  start(): void {
    this.#loop = this.#look();
  }

  /** Works through what is due now. */
  poke(): Promise<void> {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopping'));
    await Promise.allSettled([this.#loop, this.#working]);
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#tools;
    while (!this.#stop.signal.aborted) {
      await this.poke().catch((error: unknown) => log.warn({ err: error }, 'billing events are processed later'));
      await clock.sleep(this.#pause(), this.#stop.signal).catch(() => {});
    }
  }

  #pause(): number {
    const { slice, clock } = this.#tools;
    const waiting = [...slice.state.billing.values()].filter((event) => event.status === 'RECEIVED' && event.next_attempt_at !== null);
    const due = Math.min(...waiting.map((event) => Date.parse(event.next_attempt_at ?? '')));
    return Math.max(100, Math.min(LOOK_EVERY_MS, due - clock.now()));
  }

  async #work(): Promise<void> {
    for (let event = this.#next(); event && !this.#stop.signal.aborted; event = this.#next()) await this.#one(event);
  }

  #next(): BillingEvent | undefined {
    const now = this.#tools.clock.now();
    let first: BillingEvent | undefined;
    for (const event of this.#tools.slice.state.billing.values()) {
      if (event.status !== 'RECEIVED' || Date.parse(event.next_attempt_at ?? event.received_at) > now) continue;
      if (!first || event.created < first.created) first = event;
    }
    return first;
  }

  async #one(event: BillingEvent): Promise<void> {
    const { slice, clock, log, takeEffect } = this.#tools;
    const { event_id } = event;
    const settle = (status: BillingEvent['status'], error: string | null, next_attempt_at: string | null) =>
      execute(slice, { kind: 'settle-billing-event', event_id, status, error, next_attempt_at }, { actor: ITSELF });
    try {
      await settle(await takeEffect(event), null, null);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const old = clock.now() - Date.parse(event.received_at) > GIVEN_UP_AFTER_MS;
      if (cause instanceof Refusal || old) {
        log.error({ err: cause, event_id, type: event.type }, 'a billing event failed for good');
        await settle('FAILED', message, null);
        return;
      }
      log.warn({ err: cause, event_id, type: event.type, attempts: event.attempts }, 'a billing event is tried again');
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(event.attempts, 20));
      await settle('RECEIVED', message, new Date(clock.now() + pause).toISOString());
    }
  }
}
