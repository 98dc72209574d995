import type { Static, TSchema } from 'typebox';

/**
 * CloudEvents 1.0, binary mode: the attributes ride as Pub/Sub attributes (`ce-id`, `ce-type`, ...), the data as JSON.
 * `id` is the business identity where there is one (a tick's minute, a run and its transition), so that doubles can be seen.
 */
export interface EventDefinition<S extends TSchema = TSchema> {
  /** `run-requested`; also the file name and the doc page. */
  readonly name: string;
  /** `convergence.run-requested.v1` */
  readonly type: string;
  readonly topic: Topic;
  readonly data: S;
  /** Messages of one key are delivered in order. Absent: no order. */
  readonly orderingKey?: (data: Static<S>) => string;
  /** News of which many may travel in one message: more of it makes larger messages, not more of them. */
  readonly bundled?: true;
}

export interface Envelope<T = unknown> {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  /** RFC 3339. */
  readonly time: string;
  readonly traceparent?: string;
  readonly data: T;
}

export const TOPICS = [
  'run-requested',
  'run-admitted',
  'run-progress',
  'run-completed',
  'run-cancelled',
  'tenant-changed',
  'schedule-tick',
  'queue-tick',
  'quota-reset',
  'orphan-sweep',
] as const;
export type Topic = (typeof TOPICS)[number];
export const deadLetterTopic = (topic: Topic): string => `${topic}-dead-letter`;

export const defineEvent = <S extends TSchema>(definition: Omit<EventDefinition<S>, 'type'>): EventDefinition<S> => ({
  ...definition,
  type: `convergence.${definition.name}.v1`,
});
export type DataOf<D> = D extends EventDefinition<infer S> ? Static<S> : never;
