import { TOPICS, Transient } from '@convergence/contracts';
import type { Bus, SubscribeOptions, Subscriber } from '@convergence/ports';
import { PubSub, v1 } from '@google-cloud/pubsub';
import { type GoogleConfig, grpcOptions, hostAndPort } from '../endpoints.ts';
import { isNotFound } from '../grpc-errors.ts';
import { attributesOf } from './attributes.ts';
import { bundled, travelsInBundles } from './bundle.ts';
import { deadLetters } from './dead-letters.ts';
import { publisher } from './publisher.ts';
import { namingRefusedAcks } from './refused-acks.ts';
import { type BusResources, createBroadcast, provisionBus, subscriptionPath, topicPath } from './resources.ts';
import { subscriber } from './subscriber.ts';

export type Problem = (fields: { readonly cause: unknown; readonly [name: string]: unknown }, message: string) => void;

export interface GoogleBus extends Bus {
  /** Makes topics and subscriptions that are missing; names of those made now. */
  provision(): Promise<readonly string[]>;
}

export function googleBus(config: GoogleConfig, onProblem: Problem = () => undefined): GoogleBus {
  const options = grpcOptions(config, 'pubsub');
  const publishing = new v1.PublisherClient(options);
  const subscribing = new v1.SubscriberClient(options);
  const at = config.hosts?.pubsub && hostAndPort(config.hosts.pubsub);
  const pubsub = new PubSub({ ...options, ...(at ? { apiEndpoint: `${at.host}:${at.port}`, emulatorMode: true } : {}) });
  // The client would make one with these options when it first needs it.
  pubsub.api.SubscriberClient = namingRefusedAcks(new v1.SubscriberClient(pubsub.options as never)) as never;
  const resources: BusResources = { publisher: publishing, subscriber: subscribing, project: config.project };
  const { publish } = publisher(publishing, config.project);
  const dead = deadLetters(resources, publish);
  const subscribers = new Set<Subscriber>();

  return {
    publish: (messages) =>
      publish(
        messages.map(({ topic, event, orderingKey }) => ({
          topic,
          data: Buffer.from(JSON.stringify(event.data)),
          attributes: attributesOf(event),
          inBundle: travelsInBundles(event) ? () => bundled(event) : undefined,
          orderingKey,
        })),
      ),
    subscribe(how, handle) {
      const made = subscriber(
        {
          pubsub,
          prepare: async (o: SubscribeOptions) => {
            if (o.broadcastOf) await createBroadcast(resources, o.broadcastOf, o.subscription);
          },
          remove: async (o: SubscribeOptions) => {
            await subscribing
              .deleteSubscription({ subscription: subscriptionPath(config.project, o.subscription) })
              .catch((cause: unknown) => {
                if (!isNotFound(cause)) throw cause;
              });
          },
          quarantine: dead.quarantine,
          onProblem,
        },
        how,
        handle,
      );
      subscribers.add(made);
      return made;
    },
    deadLetters: dead.list,
    redrive: dead.redrive,
    async check() {
      try {
        await publishing.getTopic({ topic: topicPath(config.project, TOPICS[0]) }, { timeout: 3_000, retry: null });
      } catch (cause) {
        throw new Transient('Pub/Sub does not answer', { cause });
      }
    },
    async close() {
      await Promise.all([...subscribers].map((s) => s.stop(5_000)));
      await Promise.all([publishing.close(), subscribing.close(), pubsub.close()]);
    },
    provision: () => provisionBus(resources),
  };
}
