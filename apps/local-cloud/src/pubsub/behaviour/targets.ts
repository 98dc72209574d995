/**
 * The same behaviour is asked of local-cloud always and of Google's own emulator when OFFICIAL_PUBSUB_EMULATOR names one that runs.
 * What the official one is documented to lack is skipped there, by name, with the reason.
 */

import type { CreateSubscriptionOptions, Message, Subscription, SubscriptionOptions } from '@google-cloud/pubsub';
import { PubSub, v1 } from '@google-cloud/pubsub';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from '../../started-process.ts';

export interface Target {
  readonly pubsub: PubSub;
  readonly publisher: InstanceType<typeof v1.PublisherClient>;
  readonly subscriber: InstanceType<typeof v1.SubscriberClient>;
  readonly host: string;
  /** Undefined on the official emulator. */
  readonly process: StartedProcess | undefined;
  /** A name that no other test uses. */
  name(stem: string): string;
  path(kind: 'topics' | 'subscriptions' | 'snapshots', id: string): string;
}
type Feature = (target: Target) => Promise<void>;
export interface Suite {
  feature(name: string, run: Feature, lacking?: string): void;
}

const PROJECT = 'behaviour-project';

/** Declares the features of one file against every target. */
export function behaviour(title: string, declare: (suite: Suite) => void, env: Readonly<Record<string, string>> = {}): void {
  const official = process.env.OFFICIAL_PUBSUB_EMULATOR;
  for (const kind of official ? (['local-cloud', 'official emulator'] as const) : (['local-cloud'] as const)) {
    describe(`${title} (${kind})`, () => {
      let target: Target;
      let started: StartedProcess | undefined;
      beforeAll(async () => {
        started = kind === 'local-cloud' ? await startProcess(env) : undefined;
        target = connect(started?.addresses.pubsub ?? official!, started);
      });
      afterAll(async () => {
        await target?.pubsub.close();
        await target?.publisher.close();
        await target?.subscriber.close();
        await started?.dispose();
      });
      declare({
        feature(name, run, lacking) {
          if (kind === 'official emulator' && lacking !== undefined) {
            test.skip(`${name} [the official emulator lacks it: ${lacking}]`, () => {});
          } else {
            test(name, () => run(target));
          }
        },
      });
    });
  }
}

let count = 0;

export function connect(host: string, started?: StartedProcess): Target {
  const [apiEndpoint, port] = host.split(':') as [string, string];
  const options = { apiEndpoint, port: Number(port), sslCreds: grpc.credentials.createInsecure(), projectId: PROJECT };
  return {
    host,
    process: started,
    pubsub: new PubSub({ projectId: PROJECT, apiEndpoint: host, emulatorMode: true }),
    publisher: new v1.PublisherClient(options),
    subscriber: new v1.SubscriberClient(options),
    name: (stem) => `${stem}-${process.pid}-${Date.now().toString(36)}-${count++}`,
    path: (kind, id) => `projects/${PROJECT}/${kind}/${id}`,
  };
}

/** A topic with one subscription. */
export async function topicAndSubscription(target: Target, options: CreateSubscriptionOptions = {}) {
  const [topic] = await target.pubsub.createTopic(target.name('topic'));
  const [subscription] = await topic.createSubscription(target.name('sub'), options);
  return { topic, subscription };
}

/** Reads with a subscriber until `enough` says so or the time is over; answers what came. `handle` acks by default. */
export async function receive(
  subscription: Subscription,
  enough: (messages: readonly Message[]) => boolean,
  options: { readonly ms?: number; readonly handle?: (message: Message) => void; readonly subscriber?: SubscriptionOptions } = {},
): Promise<Message[]> {
  const messages: Message[] = [];
  const reader = subscription.pubsub.subscription(subscription.name, options.subscriber ?? {});
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, options.ms ?? 10_000);
      reader.on('error', reject);
      reader.on('message', (message: Message) => {
        messages.push(message);
        (options.handle ?? ((m: Message) => m.ack()))(message);
        if (enough(messages)) {
          clearTimeout(timer);
          resolve();
        }
      });
    });
  } finally {
    await reader.close();
  }
  return messages;
}

export const texts = (messages: readonly { readonly data: Buffer }[]): string[] => messages.map((message) => message.data.toString());

/** Pulls once, unary; answers [ackId, text, attempt] of each. */
export async function pull(target: Target, subscription: string, max = 100): Promise<{ ackId: string; text: string; attempt: number }[]> {
  const [response] = await target.subscriber.pull({ subscription, maxMessages: max, returnImmediately: true }, { timeout: 30_000 });
  return (response.receivedMessages ?? []).map((m) => ({
    ackId: m.ackId!,
    text: Buffer.from(m.message!.data as Uint8Array).toString(),
    attempt: m.deliveryAttempt ?? 0,
  }));
}

/** Pulls until something comes or the time is over. */
export async function pullUntil(
  target: Target,
  subscription: string,
  ms = 10_000,
): Promise<{ ackId: string; text: string; attempt: number }[]> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const got = await pull(target, subscription);
    if (got.length > 0) {
      return got;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return [];
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The gRPC code and text that a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<{ code: number; details: string }> {
  try {
    await call;
  } catch (error) {
    const { code, details } = error as { code: number; details: string };
    return { code, details };
  }
  return { code: 0, details: 'was not refused' };
}
export { expect };
