/**
 * A tick asked for over HTTP: published for whoever handles it, and asked of its owner for the figures.
 *
 * 1. Both carry the minute as their id and reach the same handler, so whichever comes second finds nothing left to do.
 * 2. An owner that is away does not lose the tick: it is published all the same, and the answer says so.
 */
import { type DataOf, Refusal, type TICK_ENDPOINTS, Transient } from '@convergence/contracts';
import type { Bus, Clock } from '@convergence/ports';
import { eventMessage, patiently } from '@convergence/service';
import type { OperationCall } from './forward.ts';
import type { Owners } from './owners.ts';

export interface TickTools {
  readonly owners: Owners;
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Pick<Clock, 'now'>;
}
type TickEndpoint = (typeof TICK_ENDPOINTS)[keyof typeof TICK_ENDPOINTS];

export async function tick<E extends TickEndpoint>(
  endpoint: E,
  more: Omit<DataOf<E['event']>, 'minute'>,
  call: Pick<OperationCall, 'principal' | 'log' | 'signal'>,
  { owners, bus, clock }: TickTools,
): Promise<unknown> {
  const now = clock.now();
  const minute = `${new Date(now).toISOString().slice(0, 16)}Z`;
  const data = { minute, ...more };
  const message = eventMessage(endpoint.event, data, { source: 'gateway', id: `${endpoint.event.name}/${minute}`, now });
  const [figures, published] = await Promise.allSettled([
    owners.of(endpoint.owner, undefined).call({
      method: 'POST',
      path: endpoint.path,
      principal: call.principal,
      body: data,
      idempotent: true,
      timeoutMs: 30_000,
      signal: call.signal,
    }),
    patiently('Pub/Sub', () => bus.publish([message])),
  ]);
  if (published.status === 'rejected') call.log.warn({ err: published.reason, event: endpoint.event.name }, 'tick not published');
  if (figures.status === 'fulfilled') return figures.value;
  const cause = figures.reason;
  if (cause instanceof Refusal || !(cause instanceof Transient)) throw cause;
  if (published.status === 'rejected')
    throw new Transient(`${endpoint.owner} is not available and the tick could not be published.`, { cause });
  throw new Transient(`${endpoint.owner} is not available. The tick is published and will be handled when it is back.`, {
    cause,
    retryAfterSeconds: 10,
  });
}
