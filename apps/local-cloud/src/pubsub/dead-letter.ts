/** The message that goes to a dead-letter topic: the original with attributes that say where it comes from. */
import type { Delivery } from './delivery.ts';
import { attributeBytes, orderingKeyOf, type Published } from './message-bytes.ts';

export function deadLetter(subscriptionName: string, delivery: Delivery, source: Buffer): Published {
  const { segment } = delivery.pending;
  const [, project, , id] = subscriptionName.split('/');
  const bytes = Buffer.concat([
    source.subarray(segment.starts[delivery.index]!, segment.starts[delivery.index + 1]!),
    attributeBytes('CloudPubSubDeadLetterSourceDeliveryCount', String(delivery.failures)),
    attributeBytes('CloudPubSubDeadLetterSourceSubscription', id!),
    attributeBytes('CloudPubSubDeadLetterSourceSubscriptionProject', project!),
    attributeBytes('CloudPubSubDeadLetterSourceTopicPublishTime', new Date(segment.publishedMs).toISOString()),
  ]);
  return {
    bytes,
    start: 0,
    end: bytes.length,
    dataBytes: 0,
    attributes: 0,
    longestKey: 0,
    badKey: false,
    longestValue: 0,
    orderingKeyBytes: segment.keyed ? orderingKeyOf(bytes, 0, bytes.length).length : 0,
  };
}
