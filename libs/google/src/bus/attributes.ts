import { randomUUID } from 'node:crypto';
import type { Envelope } from '@convergence/contracts';

/** CloudEvents 1.0 in Pub/Sub's binary mode. */
export function attributesOf(event: Envelope): Record<string, string> {
  return {
    'ce-specversion': '1.0',
    'ce-id': event.id || randomUUID(),
    'ce-type': event.type,
    'ce-source': event.source,
    'ce-time': event.time,
    'content-type': 'application/json',
    ...(event.traceparent ? { traceparent: event.traceparent } : {}),
  };
}

/** Why and where a message was kept aside; taken off again when it is sent back. */
export const QUARANTINE_REASON = 'quarantine-reason';
export const QUARANTINE_SUBSCRIPTION = 'quarantine-subscription';
const FROM_PUBSUB = 'CloudPubSubDeadLetter';

export function reasonOf(attributes: Readonly<Record<string, string>>): string {
  const reason = attributes[QUARANTINE_REASON];
  if (reason) return `${reason} (${attributes[QUARANTINE_SUBSCRIPTION] ?? 'unknown subscription'})`;
  const count = attributes[`${FROM_PUBSUB}SourceDeliveryCount`];
  const subscription = attributes[`${FROM_PUBSUB}SourceSubscription`];
  return `delivered ${count ?? 'too many'} times to ${subscription ?? 'a subscription'} without success`;
}
export function withoutReason(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).filter(([name]) => !name.startsWith('quarantine-') && !name.startsWith(FROM_PUBSUB)),
  );
}
