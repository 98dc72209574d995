/**
 * A message of Pub/Sub as the events in it, each settled by itself.
 *
 * 1. The message is settled when all of its events are, once. 2. It comes again, whole, when one of its events shall.
 */
import type { Topic } from '@convergence/contracts';
import type { IncomingMessage } from '@convergence/ports';
import type { Message } from '@google-cloud/pubsub';
import { attributesOf } from './attributes.ts';
import { eventsOf, isBundle } from './bundle.ts';

export class Delivery {
  readonly #message: Message;
  readonly #lost = new AbortController();
  readonly orderingKey: string;
  readonly events: readonly IncomingMessage[];
  #open: number;
  #again = false;

  constructor(message: Message, topic: Topic, subscription: string) {
    this.#message = message;
    this.orderingKey = message.orderingKey ?? '';
    // The only word that the client gives of a lease that is gone.
    const ackFailed = message.ackFailed.bind(message);
    message.ackFailed = (error) => {
      ackFailed(error);
      this.lose(error);
    };
    const shared = {
      messageId: message.id,
      topic,
      subscription,
      deliveryAttempt: Math.max(1, message.deliveryAttempt),
      signal: this.#lost.signal,
    };
    const events = isBundle(message.attributes) ? eventsOf(message.data) : undefined;
    this.events = events?.map((event) => ({
      ...shared,
      publishedAt: event.time,
      attributes: attributesOf(event),
      data: event.data,
      get body() {
        return Buffer.from(JSON.stringify(event.data ?? null));
      },
    })) ?? [
      {
        ...shared,
        // Making the text costs more than the rest, and hardly anybody reads it.
        get publishedAt() {
          return message.publishTime.toISOString();
        },
        attributes: message.attributes,
        body: message.data,
      },
    ];
    this.#open = this.events.length;
  }

  lose(why: Error): void {
    this.#lost.abort(why);
  }

  /** One of its events needs nothing more. Resolves when that is known to the broker, as soon as it can be. */
  async done(): Promise<void> {
    await this.#settle();
  }
  async again(): Promise<void> {
    this.#again = true;
    await this.#settle();
  }

  async #settle(): Promise<void> {
    this.#open -= 1;
    if (this.#open > 0) return;
    if (this.#again) this.#message.nack();
    else await this.#message.ackWithResponse();
  }
}
