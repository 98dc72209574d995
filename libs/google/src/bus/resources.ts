/** Topics and subscriptions as contracts declare them. Everything here can be done again. */
import {
  deadLetterTopic,
  RETIRED_SUBSCRIPTIONS,
  SUBSCRIPTIONS,
  type SubscriptionDefinition,
  subscriptionName,
  TOPICS,
  type Topic,
} from '@convergence/contracts';
import type { protos, v1 } from '@google-cloud/pubsub';
import { isAlreadyExists, isNotFound } from '../grpc-errors.ts';

export interface BusResources {
  readonly publisher: v1.PublisherClient;
  readonly subscriber: v1.SubscriberClient;
  readonly project: string;
}
export const topicPath = (project: string, topic: string): string => `projects/${project}/topics/${topic}`;
export const subscriptionPath = (project: string, name: string): string => `projects/${project}/subscriptions/${name}`;
/** Where people look at what was dead-lettered, and send it back. */
export const adminSubscription = (topic: Topic): string => `${deadLetterTopic(topic)}.admin`;

const DAY = 86_400;
const NEVER = {};

async function made(creating: Promise<unknown>): Promise<boolean> {
  try {
    await creating;
    return true;
  } catch (cause) {
    if (isAlreadyExists(cause)) return false;
    throw cause;
  }
}

async function gone(deleting: Promise<unknown>): Promise<void> {
  try {
    await deleting;
  } catch (cause) {
    if (!isNotFound(cause)) throw cause;
  }
}

export function durableRequest(project: string, definition: SubscriptionDefinition): protos.google.pubsub.v1.ISubscription {
  return {
    name: subscriptionPath(project, subscriptionName(definition)),
    topic: topicPath(project, definition.topic),
    ackDeadlineSeconds: definition.ackDeadlineSeconds,
    messageRetentionDuration: { seconds: 7 * DAY },
    expirationPolicy: NEVER,
    // Unset, a nacked message would come back at once, for ever.
    retryPolicy: { minimumBackoff: { seconds: 10 }, maximumBackoff: { seconds: 600 } },
    deadLetterPolicy: {
      deadLetterTopic: topicPath(project, deadLetterTopic(definition.topic)),
      maxDeliveryAttempts: definition.maxDeliveryAttempts,
    },
    enableExactlyOnceDelivery: definition.exactlyOnce === true,
    enableMessageOrdering: definition.ordered === true,
  };
}

/** Names of what was made now. */
export async function provisionBus({ publisher, subscriber, project }: BusResources): Promise<string[]> {
  const created: string[] = [];
  const note = async (name: string, creating: Promise<unknown>) => {
    if (await made(creating)) created.push(name);
  };
  for (const topic of TOPICS) {
    await note(`topic ${topic}`, publisher.createTopic({ name: topicPath(project, topic) }));
    const dead = deadLetterTopic(topic);
    await note(`topic ${dead}`, publisher.createTopic({ name: topicPath(project, dead) }));
    // A dead-letter topic without a subscription loses what is sent there.
    await note(
      `subscription ${adminSubscription(topic)}`,
      subscriber.createSubscription({
        name: subscriptionPath(project, adminSubscription(topic)),
        topic: topicPath(project, dead),
        ackDeadlineSeconds: 60,
        messageRetentionDuration: { seconds: 14 * DAY },
        expirationPolicy: NEVER,
      }),
    );
  }
  for (const definition of SUBSCRIPTIONS as readonly SubscriptionDefinition[]) {
    if (definition.broadcast) continue;
    await note(`subscription ${subscriptionName(definition)}`, subscriber.createSubscription(durableRequest(project, definition)));
  }
  for (const name of RETIRED_SUBSCRIPTIONS) await gone(subscriber.deleteSubscription({ subscription: subscriptionPath(project, name) }));
  return created;
}

/** One instance's own ear: it needs no past, no retries and no dead letters, and vanishes when nobody listens for a day. */
export async function createBroadcast({ subscriber, project }: BusResources, topic: Topic, name: string): Promise<boolean> {
  return made(
    subscriber.createSubscription({
      name: subscriptionPath(project, name),
      topic: topicPath(project, topic),
      ackDeadlineSeconds: 60,
      messageRetentionDuration: { seconds: 600 },
      expirationPolicy: { ttl: { seconds: DAY } },
      retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 60 } },
    }),
  );
}
