/** What was dead-lettered by Pub/Sub or quarantined by a handler: looked at without taking it, or sent back to its topic. */
import { deadLetterTopic, TOPICS, type Topic } from '@convergence/contracts';
import type { DeadLetter, IncomingMessage } from '@convergence/ports';
import type { protos } from '@google-cloud/pubsub';
import { QUARANTINE_REASON, QUARANTINE_SUBSCRIPTION, reasonOf, withoutReason } from './attributes.ts';
import type { Publication } from './publisher.ts';
import { adminSubscription, type BusResources, subscriptionPath } from './resources.ts';

type Received = protos.google.pubsub.v1.IReceivedMessage;
/** Pull may answer with nothing although there is something. */
const EMPTY_LOOKS = 3;

export function deadLetters(resources: BusResources, publish: (publications: readonly Publication[]) => Promise<void>) {
  const { subscriber, project } = resources;

  async function* pulled(topic: Topic, limit: number): AsyncGenerator<readonly Received[]> {
    const subscription = subscriptionPath(project, adminSubscription(topic));
    let left = limit;
    for (let empty = 0; left > 0 && empty < EMPTY_LOOKS; ) {
      const [answer] = await subscriber.pull({ subscription, maxMessages: Math.min(left, 1_000), returnImmediately: true });
      const received = answer.receivedMessages ?? [];
      if (received.length === 0) {
        empty += 1;
        continue;
      }
      left -= received.length;
      yield received;
    }
  }
  const topics = (topic: Topic | undefined): readonly Topic[] => (topic === undefined ? TOPICS : [topic]);
  const ackIdsOf = (received: readonly Received[]): string[] => received.map((r) => r.ackId ?? '');

  return {
    async list(topic: Topic | undefined, limit: number): Promise<DeadLetter[]> {
      const letters: DeadLetter[] = [];
      for (const from of topics(topic)) {
        const taken: Received[] = [];
        for await (const page of pulled(from, limit - letters.length)) taken.push(...page);
        if (taken.length === 0) continue;
        // Given back at once: looking takes nothing away.
        await subscriber.modifyAckDeadline({
          subscription: subscriptionPath(project, adminSubscription(from)),
          ackIds: ackIdsOf(taken),
          ackDeadlineSeconds: 0,
        });
        for (const { message } of taken) {
          const attributes = message?.attributes ?? {};
          letters.push({
            id: message?.messageId ?? '',
            topic: from,
            reason: reasonOf(attributes),
            publishedAt: new Date(Number(message?.publishTime?.seconds ?? 0) * 1000).toISOString(),
            attributes,
            body: Buffer.from(message?.data ?? []).toString('utf8'),
          });
        }
        if (letters.length >= limit) break;
      }
      return letters;
    },

    async redrive(topic: Topic | undefined, limit: number): Promise<number> {
      let sent = 0;
      for (const from of topics(topic)) {
        for await (const page of pulled(from, limit - sent)) {
          await publish(
            page.map(({ message }) => ({
              topic: from,
              data: Buffer.from(message?.data ?? []),
              attributes: withoutReason(message?.attributes ?? {}),
              orderingKey: message?.orderingKey || undefined,
            })),
          );
          await subscriber.acknowledge({ subscription: subscriptionPath(project, adminSubscription(from)), ackIds: ackIdsOf(page) });
          sent += page.length;
        }
        if (sent >= limit) break;
      }
      return sent;
    },

    async quarantine(message: IncomingMessage, reason: string): Promise<void> {
      await publish([
        {
          topic: deadLetterTopic(message.topic),
          data: message.body,
          attributes: {
            ...message.attributes,
            [QUARANTINE_REASON]: reason.slice(0, 1_000),
            [QUARANTINE_SUBSCRIPTION]: message.subscription,
          },
        },
      ]);
    },
  };
}
