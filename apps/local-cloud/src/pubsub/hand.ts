/**
 * Hands what waits in a subscription's backlog to its receivers, one batch each in turn. Where delivery is exactly-once the batches are
 * only `held`: they go out when their leases are on disk.
 */
import type { Subscription } from './resources.ts';

export function hand(subscription: Subscription, now: number, held: (() => void)[]): void {
  const { exactlyOnce } = subscription.settings;
  const receivers = [...subscription.receivers].filter((receiver) => receiver.wants());
  for (let at = 0, idle = 0; idle < receivers.length; ) {
    const receiver = receivers[at % receivers.length]!;
    const batch = receiver.wants() ? subscription.backlog.take(receiver, receiver.batch, receiver.batchBytes, now) : [];
    if (batch.length === 0) {
      idle++;
      at++;
      continue;
    }
    idle = 0;
    subscription.receivers.delete(receiver);
    subscription.receivers.add(receiver);
    if (exactlyOnce) {
      held.push(() => receiver.deliver(batch));
      receivers.splice(at % receivers.length, 1);
      subscription.hungry = true;
    } else {
      receiver.deliver(batch);
      at++;
    }
  }
}
