/**
 * Many events in one message: CloudEvents' batched mode, a JSON array of events in structured mode.
 *
 * What carries one event only has the same form, so whoever reads bundles has read them before there is load.
 */
import { type Envelope, EVENTS, type EventDefinition } from '@convergence/contracts';

const BATCH = 'application/cloudevents-batch+json';
const BUNDLED: ReadonlySet<string> = new Set((EVENTS as readonly EventDefinition[]).filter((e) => e.bundled).map((e) => e.type));

export const BUNDLE_ATTRIBUTES: Readonly<Record<string, string>> = { 'ce-specversion': '1.0', 'content-type': BATCH };

export const travelsInBundles = (event: Envelope): boolean => BUNDLED.has(event.type);
export const isBundle = (attributes: Readonly<Record<string, string>>): boolean => attributes['content-type'] === BATCH;

/** One event as a bundle holds it. */
export const bundled = (event: Envelope): Buffer =>
  Buffer.from(JSON.stringify({ specversion: '1.0', datacontenttype: 'application/json', ...event }));

const [OPEN, COMMA, CLOSE] = ['[', ',', ']'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
export const bundleOf = (events: readonly Buffer[]): Buffer =>
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
