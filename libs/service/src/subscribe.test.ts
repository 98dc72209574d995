import { Refusal, scheduleTick, Transient } from '@convergence/contracts';
import type { IncomingMessage } from '@convergence/ports';
import { describe, expect, test } from '@jest/globals';
import { createLog } from './log.ts';
import { type BatchHandler, on, settleBatch } from './subscribe.ts';
import { currentTraceId, startTracing } from './trace.ts';

const log = createLog({ service: 'svc', project: 'p', level: 'silent' });
type Tick = { minute: string; limit?: number };

function message(attributes: Record<string, string>, body: unknown): IncomingMessage {
  return {
    messageId: 'm',
    topic: 'schedule-tick',
    subscription: 's',
    deliveryAttempt: 1,
    publishedAt: '2026-01-01T00:00:00Z',
    attributes,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    signal: new AbortController().signal,
  };
}
const tick = (limit: number, more: Record<string, string> = {}) =>
  message(
    { 'ce-id': `t${limit}`, 'ce-type': scheduleTick.type, 'ce-source': 'test', 'ce-time': '2026-01-01T00:00:00Z', ...more },
    { minute: '2026-01-01T00:00Z', limit },
  );
const settle = (messages: IncomingMessage[], handle: BatchHandler<Tick>) => settleBatch(messages, [on(scheduleTick, handle as never)], log);

describe('a batch of messages', () => {
  test('is acked after the handler resolved', async () => {
    let effect = false;
    const settled = settle([tick(1), tick(2)], async () => {
      await new Promise((resolve) => setImmediate(resolve));
      effect = true;
    });
    expect(effect).toBe(false);
    expect(await settled).toEqual([{ outcome: 'done' }, { outcome: 'done' }]);
    expect(effect).toBe(true);
  });

  test('what can never be handled is quarantined with its reason, its neighbours are handled', async () => {
    const seen: string[] = [];
    const good = { 'ce-id': 'i', 'ce-type': scheduleTick.type, 'ce-source': 's' };
    const settled = await settle(
      [
        tick(1),
        message({}, {}),
        message(good, '{bad'),
        message({ ...good, 'ce-type': 'convergence.schedule-tick.v9' }, {}),
        message(good, { minute: 5 }),
        tick(2),
      ],
      async (batch) => {
        seen.push(...batch.map((event) => event.id));
      },
    );
    expect(settled.map((settlement) => settlement.outcome)).toEqual([
      'done',
      'quarantine',
      'quarantine',
      'quarantine',
      'quarantine',
      'done',
    ]);
    const reasons = settled.map((settlement) => (settlement.outcome === 'quarantine' ? settlement.reason : ''));
    expect(reasons[1]).toContain('not a CloudEvent');
    expect(reasons[2]).toContain('not JSON');
    expect(reasons[3]).toContain('schedule-tick.v9');
    expect(reasons[4]).toContain('/minute');
    expect(seen).toEqual(['t1', 't2']);
  });

  test('one bad message does not condemn its batch', async () => {
    const handled: number[] = [];
    const settled = await settle([tick(1), tick(2), tick(3), tick(4)], async (batch) => {
      for (const event of batch) {
        if (event.data.limit === 2) throw new Refusal('tenant.not_found', 'no such tenant');
        if (event.data.limit === 3) throw new TypeError('x is not a function');
      }
      handled.push(...batch.map((event) => event.data.limit as number));
    });
    expect(settled.map((settlement) => settlement.outcome)).toEqual(['done', 'quarantine', 'again', 'done']);
    expect(handled).toEqual([1, 4]);
  });

  test('is asked for no more often than it takes to find a bad message among many', async () => {
    let asked = 0;
    const settled = await settle(
      Array.from({ length: 64 }, (_, n) => tick(n + 1)),
      async (batch) => {
        asked += 1;
        if (batch.some((event) => event.data.limit === 20)) throw new TypeError('x is not a function');
      },
    );
    expect(settled.filter(({ outcome }) => outcome === 'again')).toHaveLength(1);
    expect(settled[19]?.outcome).toBe('again');
    expect(asked).toBe(13);
  });

  test('comes again whole when what it needs is away: its messages do not wait for that one after the other', async () => {
    let asked = 0;
    const settled = await settle([tick(1), tick(2), tick(3)], async () => {
      asked += 1;
      throw new Transient('the journal is away');
    });
    expect(settled.map((settlement) => settlement.outcome)).toEqual(['again', 'again', 'again']);
    expect(asked).toBe(1);
  });

  test('a bug comes again, it is not quarantined', async () => {
    const settled = await settle([tick(1)], async () => {
      throw new TypeError('x is not a function');
    });
    expect(settled[0]?.outcome).toBe('again');
  });

  test('a handler that settles the wrong number of messages is a bug, not an ack', async () => {
    const settled = await settle([tick(1), tick(2)], async () => [{ outcome: 'done' }]);
    expect(settled.map((settlement) => settlement.outcome)).not.toContain('quarantine');
    const single = await settle([tick(1)], async () => []);
    expect(single[0]?.outcome).toBe('again');
  });

  test("handlers run inside their message's trace", async () => {
    const tracing = startTracing({ service: 'svc' });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    let seen: string | undefined;
    await settle([tick(1, { traceparent: `00-${traceId}-b7ad6b7169203331-01` })], async () => {
      seen = currentTraceId();
    });
    expect(seen).toBe(traceId);
    await tracing.stop();
  });
});
