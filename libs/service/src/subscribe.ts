/**
 * A batch subscriber: messages in, typed events to a handler, one settlement for each.
 *
 * Does not know: what the events do, nor how the broker is spoken to (libs/ports Bus).
 * 1. A message is acked only after its handler's promise resolved. 2. What can never succeed (no CloudEvent, unknown type, data
 * that does not fit, a Refusal) is quarantined at once with the reason; everything else that fails comes again with backoff.
 * 3. One bad message does not condemn its batch: a failed batch is handled again by halves, so handlers must be idempotent. What is away
 * (Transient) is away for all of them: the batch comes again whole, instead of each of its messages waiting for that in turn.
 * 4. Events of one batch keep their order. 5. On stop nothing new is taken and what is in hand is finished.
 */
import {
  type Envelope,
  type EventDefinition,
  Refusal,
  type SubscriptionDefinition,
  subscriptionName,
  Transient,
} from '@convergence/contracts';
import type { Bus, IncomingMessage, Settlement, Subscriber } from '@convergence/ports';
import type { Static, TSchema } from 'typebox';
import { readEvent } from './event.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { incomingContext, inSpan } from './trace.ts';

export interface Received<T = unknown> extends Envelope<T> {
  readonly deliveryAttempt: number;
  /** Aborted when the lease is lost or the process gives up waiting. */
  readonly signal: AbortSignal;
}

/** Resolving with nothing means: all are done. Else one settlement for each, in the batch's order. */
export type BatchHandler<T> = (batch: readonly Received<T>[]) => Promise<readonly Settlement[] | undefined> | Promise<void>;

export interface EventHandler {
  readonly definition: EventDefinition;
  readonly handle: BatchHandler<never>;
}

export function on<S extends TSchema>(definition: EventDefinition<S>, handle: BatchHandler<Static<S>>): EventHandler {
  return { definition: definition as unknown as EventDefinition, handle: handle as BatchHandler<never> };
}

export interface SubscriptionSpec {
  /** One of contracts' SUBSCRIPTIONS. */
  readonly subscription: SubscriptionDefinition;
  /** For a broadcast subscription: this instance's name. */
  readonly instance?: string;
  readonly handlers: readonly EventHandler[];
  readonly maxMessages?: number;
  readonly maxBatch?: number;
  readonly maxMinutes?: number;
}

export interface SubscribeTools {
  readonly bus: Bus;
  readonly log: Log;
  readonly metrics: Metrics;
}

export function subscribe(spec: SubscriptionSpec, tools: SubscribeTools): Subscriber {
  const { subscription } = spec;
  const name = subscriptionName(subscription, subscription.broadcast ? spec.instance : undefined);
  // Metrics name the consumer, not the instance.
  const label = subscriptionName(subscription);
  return tools.bus.subscribe(
    {
      subscription: name,
      maxMessages: spec.maxMessages ?? 1000,
      maxBatch: spec.maxBatch ?? 100,
      exactlyOnce: subscription.exactlyOnce === true,
      ...(spec.maxMinutes !== undefined && { maxMinutes: spec.maxMinutes }),
      ...(subscription.broadcast && { broadcastOf: subscription.topic }),
    },
    async (messages) => {
      const stop = tools.metrics.messageSeconds.startTimer({ subscription: label });
      const settlements = await settleBatch(messages, spec.handlers, tools.log.child({ subscription: label }));
      stop();
      for (const settlement of settlements) tools.metrics.messages.inc({ subscription: label, outcome: settlement.outcome });
      return settlements;
    },
  );
}

/** Exported for tests: what becomes of each message of a batch. */
export async function settleBatch(
  messages: readonly IncomingMessage[],
  handlers: readonly EventHandler[],
  log: Log,
): Promise<Settlement[]> {
  const definitions = handlers.map((handler) => handler.definition);
  const settlements = new Array<Settlement>(messages.length);
  let group: { index: number; received: Received }[] = [];
  let current: EventDefinition | undefined;

  const flush = async () => {
    if (!current || group.length === 0) return;
    const handler = handlers.find((candidate) => candidate.definition === current) as EventHandler;
    const results = await handleGroup(
      handler,
      group.map((item) => item.received),
      log,
    );
    for (const [position, item] of group.entries()) settlements[item.index] = results[position] as Settlement;
    group = [];
  };

  for (const [index, message] of messages.entries()) {
    const read = readEvent(message, definitions);
    if (typeof read === 'string') {
      log.error({ message_id: message.messageId, reason: read }, 'message quarantined');
      settlements[index] = { outcome: 'quarantine', reason: read };
      continue;
    }
    if (read.definition !== current) await flush();
    current = read.definition;
    group.push({ index, received: { ...read.event, deliveryAttempt: message.deliveryAttempt, signal: message.signal } });
  }
  await flush();
  return settlements;
}

async function handleGroup(handler: EventHandler, batch: readonly Received[], log: Log): Promise<readonly Settlement[]> {
  const traceparent = batch[0]?.traceparent;
  const oneTrace = batch.every((event) => event.traceparent === traceparent);
  const parent = incomingContext({ traceparent: oneTrace ? traceparent : undefined });
  const name = handler.definition.name;
  return inSpan(`handle ${name}`, { kind: 'consumer', parent, attributes: { 'messaging.batch.message_count': batch.length } }, async () => {
    try {
      const settlements = (await handler.handle(batch as never)) ?? batch.map(() => ({ outcome: 'done' }) as const);
      if (settlements.length !== batch.length) throw new Error(`${name}: ${settlements.length} settlements for ${batch.length} messages`);
      for (const [index, settlement] of settlements.entries()) logSettlement(log, name, batch[index], settlement);
      if (batch.length === 1) log.debug({ event_id: batch[0]?.id, event: name }, 'event handled');
      return settlements;
    } catch (error) {
      if (batch.length > 1 && !(error instanceof Transient)) {
        log.warn({ err: error, event: name, batch: batch.length }, 'batch failed, handling it by halves');
        const half = Math.ceil(batch.length / 2);
        const first = await handleGroup(handler, batch.slice(0, half), log);
        return [...first, ...(await handleGroup(handler, batch.slice(half), log))];
      }
      const settlement: Settlement =
        error instanceof Refusal
          ? { outcome: 'quarantine', reason: `${error.code}: ${error.message}` }
          : { outcome: 'again', cause: error };
      logSettlement(log, name, batch[0], settlement, batch.length);
      return batch.map(() => settlement);
    }
  });
}

function logSettlement(log: Log, event: string, received: Received | undefined, settlement: Settlement, batch = 1): void {
  const fields = { event, event_id: received?.id, attempt: received?.deliveryAttempt, ...(batch > 1 && { batch }) };
  if (settlement.outcome === 'again') log.warn({ ...fields, err: settlement.cause }, 'event comes again later');
  if (settlement.outcome === 'quarantine') log.error({ ...fields, reason: settlement.reason }, 'event quarantined');
}
