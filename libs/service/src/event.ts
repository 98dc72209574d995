/** Events on the wire: CloudEvents 1.0 in Pub/Sub's binary mode, both ways. */
import { randomUUID } from 'node:crypto';
import { check, type Envelope, type EventDefinition } from '@convergence/contracts';
import type { IncomingMessage, OutgoingMessage } from '@convergence/ports';
import type { Static, TSchema } from 'typebox';
import { outgoingTrace } from './trace.ts';

export interface EventOrigin {
  /** The service that says it. */
  readonly source: string;
  /** The business identity where there is one, so that doubles can be seen. */
  readonly id?: string;
  /** Milliseconds since 1970. */
  readonly now?: number;
}

/** A message ready for `bus.publish`, inside the current trace. Throws when the data does not fit: that is a bug of the sender. */
export function eventMessage<S extends TSchema>(definition: EventDefinition<S>, data: Static<S>, origin: EventOrigin): OutgoingMessage {
  const result = check(definition.data, data);
  if (!result.ok) throw new Error(`${definition.name}: the data does not fit its schema: ${JSON.stringify(result.errors)}`);
  const { traceparent } = outgoingTrace();
  const event: Envelope<Static<S>> = {
    id: origin.id ?? randomUUID(),
    type: definition.type,
    source: origin.source,
    time: new Date(origin.now ?? Date.now()).toISOString(),
    ...(traceparent && { traceparent }),
    data,
  };
  const key = definition.orderingKey?.(data);
  return { topic: definition.topic, event, ...(key !== undefined && { orderingKey: key }) };
}

/** The event in a message, or why it can never be handled. */
export function readEvent(
  message: IncomingMessage,
  definitions: readonly EventDefinition[],
): { event: Envelope; definition: EventDefinition } | string {
  const { 'ce-id': id, 'ce-type': type, 'ce-source': source, 'ce-time': time, traceparent } = message.attributes;
  if (!id || !type || !source) return 'it is not a CloudEvent: ce-id, ce-type or ce-source is missing';
  const definition = definitions.find((candidate) => candidate.type === type);
  if (!definition) return `nobody here knows the type ${type.slice(0, 100)}`;
  let { data } = message;
  if (data === undefined) {
    try {
      data = JSON.parse(message.body.toString('utf8'));
    } catch {
      return 'its body is not JSON';
    }
  }
  const result = check(definition.data, data);
  if (!result.ok) {
    const errors = result.errors.slice(0, 3).map((error) => `${error.path} ${error.message}`);
    return `its data does not fit ${type}: ${errors.join('; ')}`;
  }
  const event: Envelope = { id, type, source, time: time ?? message.publishedAt, ...(traceparent && { traceparent }), data: result.value };
  return { event, definition };
}
