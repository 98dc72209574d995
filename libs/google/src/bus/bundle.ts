/**
 * Many events in one message: CloudEvents' batched mode, a JSON array of events in structured mode. One event that is alone travels
 * as events do that never come in bundles.
 */
import { type Envelope, EVENTS, type EventDefinition } from '@convergence/contracts';

/** A bundle comes again as a whole, so it is not to be too large. */
const MOST_IN_BUNDLE = 100;
const BATCH = 'application/cloudevents-batch+json';
const BUNDLED: ReadonlySet<string> = new Set((EVENTS as readonly EventDefinition[]).filter((e) => e.bundled).map((e) => e.type));

const BUNDLE_ATTRIBUTES: Readonly<Record<string, string>> = { 'ce-specversion': '1.0', 'content-type': BATCH };

export interface OutgoingEvent {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  /** The event as a bundle holds it, when it may travel in one. */
  readonly inBundle?: (() => Buffer) | undefined;
}

export const travelsInBundles = (event: Envelope): boolean => BUNDLED.has(event.type);
export const isBundle = (attributes: Readonly<Record<string, string>>): boolean => attributes['content-type'] === BATCH;

/** One event as a bundle holds it. */
export const bundled = (event: Envelope): Buffer =>
  Buffer.from(JSON.stringify({ specversion: '1.0', datacontenttype: 'application/json', ...event }));

/** The messages that carry these events, in their order. */
export function messagesOf(events: readonly OutgoingEvent[]): Pick<OutgoingEvent, 'data' | 'attributes'>[] {
  const groups: OutgoingEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (event.inBundle && last?.[0]?.inBundle && last.length < MOST_IN_BUNDLE) last.push(event);
    else groups.push([event]);
  }
  return groups.map((group) => {
    const [{ data, attributes }] = group as [OutgoingEvent];
    return group.length === 1
      ? { data, attributes }
      : { data: bundleOf(group.map((event) => event.inBundle!())), attributes: BUNDLE_ATTRIBUTES };
  });
}

const [OPEN, COMMA, CLOSE] = ['[', ',', ']'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
const bundleOf = (events: readonly Buffer[]): Buffer =>
  Buffer.concat([OPEN, ...events.flatMap((event, i) => (i === 0 ? [event] : [COMMA, event])), CLOSE]);

/** Undefined: it is none, whatever its attributes say. */
export function eventsOf(body: Buffer): Envelope[] | undefined {
  try {
    const events = JSON.parse(body.toString('utf8')) as unknown;
    return Array.isArray(events) && events.length > 0 && events.every((event) => Object(event) === event) ? events : undefined;
  } catch {
    return undefined;
  }
}
