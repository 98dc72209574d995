/**
 * What acks, failures and leases changed in memory since the last commit. Each thing is written once a commit, however often it
 * changed: as it is at that moment.
 */
import type { Delivery } from './delivery.ts';
import type { Subscription } from './resources.ts';
import type { Pending } from './segment.ts';
import type { Store } from './store.ts';

export class Unwritten {
  readonly #pendings = new Map<Pending, Subscription>();
  readonly #failures = new Map<Delivery, Subscription>();
  readonly #leases = new Map<Delivery, Subscription>();

  get empty(): boolean {
    return this.#pendings.size === 0 && this.#failures.size === 0 && this.#leases.size === 0;
  }

  pending(pending: Pending, subscription: Subscription): void {
    this.#pendings.set(pending, subscription);
  }
  failure(delivery: Delivery, subscription: Subscription): void {
    this.#failures.set(delivery, subscription);
  }
  lease(delivery: Delivery, subscription: Subscription): void {
    this.#leases.set(delivery, subscription);
  }

  /** Inside a transaction; `written` when that was committed. */
  write(store: Store): void {
    for (const [pending, subscription] of this.#pendings) {
      if (pending.left > 0) {
        store.putPending(subscription.id, pending);
        continue;
      }
      store.deletePending(subscription.id, pending.segment.firstSeq);
      if (subscription.settings.maxAttempts !== null) {
        store.deleteFailures(subscription.id, pending.segment.firstSeq, pending.segment.count);
      }
    }
    for (const [delivery, subscription] of this.#failures) {
      if (delivery.state !== 'acked') {
        store.putFailures(subscription.id, delivery.seq, delivery.failures);
      }
    }
    for (const [delivery, subscription] of this.#leases) {
      if (delivery.state === 'leased') {
        store.putLease(subscription.id, delivery.seq, delivery.lease, delivery.deadline);
      } else {
        store.deleteLease(subscription.id, delivery.seq);
      }
    }
  }

  written(): void {
    this.#pendings.clear();
    this.#failures.clear();
    this.#leases.clear();
  }
}
