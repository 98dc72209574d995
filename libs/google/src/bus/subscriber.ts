/**
 * Takes messages of one subscription and settles them as its handler says.
 *
 * 1. At most `maxMessages` are in hand, a bundle counting once; with maxBatch 1 an event is handled beside others, larger batches one
 *    after the other, and events of one ordering key never beside each other. 2. `done` is acked after the handler said so, and confirmed where the
 * subscription is exactly-once. 3. A handler that throws has its whole batch delivered again. 4. A stream that breaks is opened again
 * with backoff; meanwhile the subscriber is not healthy. 5. `stop` waits for what is in hand, nacks what nobody began, then lets go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '@convergence/contracts';
import type { IncomingMessage, Settlement, SubscribeOptions, Subscriber } from '@convergence/ports';
import { Duration, type Message, type PubSub, type Subscription, SubscriptionCloseBehaviors } from '@google-cloud/pubsub';
import { RECONNECT_MS } from '../endpoints.ts';
import { Delivery } from './delivery.ts';

export interface SubscriberTools {
  readonly pubsub: PubSub;
  /** Makes a broadcast subscription; returns whether to delete it at the end. */
  readonly prepare: (options: SubscribeOptions) => Promise<void>;
  readonly remove: (options: SubscribeOptions) => Promise<void>;
  readonly quarantine: (message: IncomingMessage, reason: string) => Promise<void>;
  readonly onProblem: (problem: { subscription: string; cause: unknown }, message: string) => void;
}
/** Acks and receipts that are not answered in this time are sent again; the client would wait a minute, and their messages with it. */
const ANSWER_MS = 5_000;

interface InHand {
  readonly delivery: Delivery;
  readonly event: IncomingMessage;
}

export function subscriber(
  tools: SubscriberTools,
  options: SubscribeOptions,
  handle: (batch: readonly IncomingMessage[]) => Promise<readonly Settlement[]>,
): Subscriber {
  const { subscription: name, maxMessages, maxBatch, maxMinutes = 60 } = options;
  const topic = (options.broadcastOf ?? name.split('.')[0]) as Topic;
  let queue: InHand[] = [];
  const working = new Set<Promise<void>>();
  const inHand = new Set<InHand>();
  const busyKeys = new Set<string>();
  let source: Subscription | undefined;
  let lastError: string | undefined = 'not connected yet';
  let stopping = false;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;

  const problem = (cause: unknown, message: string) => tools.onProblem({ subscription: name, cause }, message);

  // By default the client nacks on close what handlers still work on, and hands over more than maxMessages.
  const settings = (closeWithin: number) => ({
    flowControl: { maxMessages, allowExcessMessages: false },
    streamingOptions: { maxStreams: 1, retryMaxBackoff: Duration.from({ milliseconds: RECONNECT_MS }) },
    // A request of acks costs the same for one and for a hundred. Until they are out their messages count as in hand; with exactly-once
    // delivery nobody sees a message before its receipt was told, and a batch is not done before its acks are.
    batching: options.exactlyOnce ? { maxMilliseconds: 50, callOptions: { timeout: ANSWER_MS } } : { maxMilliseconds: 200 },
    maxExtensionTime: Duration.from({ minutes: maxMinutes }),
    minAckDeadline: Duration.from({ seconds: 60 }),
    closeOptions: { behavior: SubscriptionCloseBehaviors.WaitForProcessing, timeout: Duration.from({ milliseconds: closeWithin }) },
  });
  async function idle(): Promise<void> {
    while (working.size > 0) await Promise.all(working);
  }

  async function open(): Promise<void> {
    retry = undefined;
    if (stopping) return;
    try {
      if (options.broadcastOf) await tools.prepare(options);
    } catch (cause) {
      reopen(cause);
      return;
    }
    if (stopping) return;
    const opened = tools.pubsub.subscription(name, settings(25_000));
    source = opened;
    lastError = undefined;
    opened.on('message', take);
    opened.on('error', (cause: unknown) => {
      if (source !== opened) return;
      source = undefined;
      opened.removeListener('message', take);
      opened.close().catch(() => undefined);
      reopen(cause);
    });
  }
  function reopen(cause: unknown): void {
    lastError = cause instanceof Error ? cause.message : String(cause);
    problem(cause, 'a subscription does not deliver; it is opened again');
    failures += 1;
    if (!stopping) retry = setTimeout(() => void open(), Math.min(RECONNECT_MS, 100 * 2 ** failures));
  }

  function take(message: Message): void {
    failures = 0;
    const delivery = new Delivery(message, topic, name);
    for (const event of delivery.events) queue.push({ delivery, event });
    queueMicrotask(work);
  }

  function nextBatch(): InHand[] {
    if (maxBatch > 1) return working.size > 0 ? [] : queue.splice(0, maxBatch);
    const free = queue.findIndex(({ delivery: { orderingKey } }) => orderingKey === '' || !busyKeys.has(orderingKey));
    return free === -1 ? [] : queue.splice(free, 1);
  }
  function work(): void {
    for (let batch = nextBatch(); batch.length > 0; batch = nextBatch()) {
      const taken = batch;
      for (const m of taken) {
        inHand.add(m);
        busyKeys.add(m.delivery.orderingKey);
      }
      const settled = settleAll(taken).finally(() => {
        for (const m of taken) {
          inHand.delete(m);
          busyKeys.delete(m.delivery.orderingKey);
        }
        working.delete(settled);
        work();
      });
      working.add(settled);
    }
  }

  async function settleAll(batch: readonly InHand[]): Promise<void> {
    const expiry = setTimeout(() => {
      for (const m of batch) m.delivery.lose(new Error(`held longer than ${maxMinutes} minutes`));
    }, maxMinutes * 60_000);
    expiry.unref();
    let said: readonly Settlement[] = [];
    try {
      said = await handle(batch.map((m) => m.event));
    } catch (cause) {
      problem(cause, 'a handler threw; its messages come again');
    }
    clearTimeout(expiry);
    await Promise.all(batch.map((m, i) => settle(m, said[i] ?? { outcome: 'again', cause: undefined })));
  }

  async function settle({ delivery, event }: InHand, settlement: Settlement): Promise<void> {
    try {
      if (settlement.outcome === 'again') return await delivery.again();
      if (settlement.outcome === 'quarantine') await tools.quarantine(event, settlement.reason);
    } catch (cause) {
      problem(cause, 'a message could not be kept aside; it comes again');
      return await delivery.again();
    }
    await delivery.done().catch((cause: unknown) => problem(cause, 'a message could not be settled; it comes again'));
  }

  void open();
  return {
    get healthy() {
      return source !== undefined && lastError === undefined;
    },
    get lastError() {
      return lastError;
    },
    async stop(withinMilliseconds) {
      if (stopping) return;
      stopping = true;
      clearTimeout(retry);
      const closing = source;
      source = undefined;
      for (const { delivery } of queue) void delivery.again();
      queue = [];
      const late = setTimeout(() => {
        for (const m of inHand) m.delivery.lose(new Error('stopping'));
      }, withinMilliseconds);
      if (closing) {
        closing.setOptions(settings(withinMilliseconds + 1_000));
        const closed = closing.close().catch((cause: unknown) => problem(cause, 'a subscription did not close'));
        // The client also waits for messages that it never showed us; nobody works on those.
        await Promise.race([closed, idle().then(() => sleep(1_500, undefined, { ref: false }))]);
      }
      clearTimeout(late);
      for (const m of inHand) m.delivery.lose(new Error('stopping'));
      if (options.broadcastOf) await tools.remove(options).catch((cause: unknown) => problem(cause, 'a subscription was left behind'));
    },
  };
}
