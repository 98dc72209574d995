import type { Topic } from '@convergence/contracts';
import type { Bus, DeadLetter, IncomingMessage, OutgoingMessage, Settlement, SubscribeOptions } from '@convergence/ports';

export interface FakeBus extends Bus {
  readonly published: readonly OutgoingMessage[];
  readonly quarantined: readonly DeadLetter[];
  /** Hands all that waits to the subscribers, again and again until nothing changes (or `rounds` is over). */
  deliver(rounds?: number): Promise<void>;
  /** The next publishes fail, that many. */
  failPublishes(count: number): void;
}

/** A broker in memory: every subscription whose name begins with the topic gets every message, once it is told to deliver. */
export function fakeBus(): FakeBus {
  const published: OutgoingMessage[] = [];
  const quarantined: DeadLetter[] = [];
  const subscriptions = new Map<
    string,
    { options: SubscribeOptions; handle: (batch: readonly IncomingMessage[]) => Promise<readonly Settlement[]>; waiting: IncomingMessage[] }
  >();
  let failing = 0;
  let ids = 0;
  const topicOf = (o: SubscribeOptions): string => o.broadcastOf ?? o.subscription.split('.')[0]!;
  const attributesOf = (m: OutgoingMessage): Record<string, string> => ({
    'ce-id': m.event.id,
    'ce-type': m.event.type,
    'ce-source': m.event.source,
    'ce-time': m.event.time,
    ...(m.event.traceparent ? { traceparent: m.event.traceparent } : {}),
  });
  return {
    published,
    quarantined,
    failPublishes(count) {
      failing = count;
    },
    async publish(messages) {
      if (failing > 0) {
        failing -= 1;
        throw new Error('the broker is away');
      }
      for (const message of messages) {
        published.push(message);
        for (const s of subscriptions.values()) {
          if (topicOf(s.options) !== message.topic) continue;
          s.waiting.push({
            messageId: String(++ids),
            topic: message.topic,
            subscription: s.options.subscription,
            deliveryAttempt: 1,
            publishedAt: message.event.time,
            attributes: attributesOf(message),
            body: Buffer.from(JSON.stringify(message.event.data)),
            signal: new AbortController().signal,
          });
        }
      }
    },
    subscribe(options, handle) {
      const subscription = { options, handle, waiting: [] };
      subscriptions.set(options.subscription, subscription);
      return {
        healthy: true,
        lastError: undefined,
        async stop() {
          subscriptions.delete(options.subscription);
        },
      };
    },
    async deliver(rounds = 20) {
      for (let round = 0; round < rounds; round += 1) {
        let busy = false;
        for (const s of subscriptions.values()) {
          const batch = s.waiting.splice(0, s.options.maxBatch);
          if (batch.length === 0) continue;
          busy = true;
          const settled = await s.handle(batch);
          for (const [i, message] of batch.entries()) {
            const settlement = settled[i];
            if (!settlement) throw new Error(`${s.options.subscription} said nothing of message ${i} of its batch`);
            if (settlement.outcome === 'again') s.waiting.push({ ...message, deliveryAttempt: message.deliveryAttempt + 1 });
            if (settlement.outcome === 'quarantine') {
              quarantined.push({
                id: message.messageId,
                topic: message.topic,
                reason: settlement.reason,
                publishedAt: message.publishedAt,
                attributes: message.attributes,
                body: message.body.toString('utf8'),
              });
            }
          }
        }
        if (!busy) return;
      }
    },
    async deadLetters(topic: Topic | undefined, limit: number) {
      return quarantined.filter((d) => topic === undefined || d.topic === topic).slice(0, limit);
    },
    async redrive(topic, limit) {
      const chosen = quarantined.filter((d) => topic === undefined || d.topic === topic).slice(0, limit);
      for (const letter of chosen) {
        quarantined.splice(quarantined.indexOf(letter), 1);
        for (const s of subscriptions.values()) {
          if (topicOf(s.options) !== letter.topic) continue;
          s.waiting.push({
            messageId: letter.id,
            topic: letter.topic,
            subscription: s.options.subscription,
            deliveryAttempt: 1,
            publishedAt: letter.publishedAt,
            attributes: letter.attributes,
            body: Buffer.from(letter.body),
            signal: new AbortController().signal,
          });
        }
      }
      return chosen.length;
    },
    async check() {},
    async close() {},
  };
}
