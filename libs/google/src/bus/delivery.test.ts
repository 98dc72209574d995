import type { Message } from '@google-cloud/pubsub';
import { describe, expect, test } from '@jest/globals';
import { attributesOf } from './attributes.ts';
import { bundled, messagesOf } from './bundle.ts';
import { Delivery } from './delivery.ts';

const event = (n: number) => ({
  id: `e${n}`,
  type: 'convergence.run-completed.v1',
  source: 'test',
  time: '2026-01-01T00:00:00Z',
  data: { n },
});

const outgoing = (n: number) => ({
  data: Buffer.from(JSON.stringify({ n })),
  attributes: attributesOf(event(n)),
  inBundle: () => bundled(event(n)),
});
const BUNDLE_ATTRIBUTES = messagesOf([outgoing(1), outgoing(2)])[0]!.attributes;

function delivered(data: Buffer, attributes: Readonly<Record<string, string>> = BUNDLE_ATTRIBUTES) {
  const settled: string[] = [];
  const message = {
    id: 'm',
    data,
    attributes,
    deliveryAttempt: 0,
    publishTime: new Date(0),
    ackFailed: () => undefined,
    nack: () => settled.push('nack'),
    ackWithResponse: async () => settled.push('ack'),
  } as unknown as Message;
  return { delivery: new Delivery(message, 'run-completed', 's'), message, settled };
}
const three = () => delivered(messagesOf([1, 2, 3].map(outgoing))[0]!.data);

describe('a bundle', () => {
  test('holds what follows each other and may travel so; one that is alone goes as every other event', () => {
    const lone = { data: Buffer.from('{"n":0}'), attributes: attributesOf(event(0)) };
    expect(messagesOf([outgoing(1)])).toEqual([{ data: Buffer.from('{"n":1}'), attributes: attributesOf(event(1)) }]);
    const [first, second, third] = messagesOf([outgoing(1), outgoing(2), lone, outgoing(3)]);
    expect(first?.attributes['content-type']).toBe('application/cloudevents-batch+json');
    expect(second).toEqual(lone);
    expect(third).toMatchObject({ attributes: { 'ce-id': 'e3', 'content-type': 'application/json' } });
    expect(messagesOf(Array.from({ length: 101 }, (_, n) => outgoing(n)))).toHaveLength(2);
  });

  test('is as many events, in order, each with its own attributes and body', () => {
    const { events } = three().delivery;
    expect(events.map((e) => e.data)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(events[1]).toMatchObject({ attributes: { 'ce-id': 'e2', 'ce-type': 'convergence.run-completed.v1', 'ce-source': 'test' } });
    expect(events[2]?.body.toString()).toBe('{"n":3}');
  });

  test('is acked once, after the last of its events is done', async () => {
    const { delivery, settled } = three();
    await delivery.done();
    await delivery.done();
    expect(settled).toEqual([]);
    await delivery.done();
    expect(settled).toEqual(['ack']);
  });

  test('comes again as a whole when one of its events shall, but not before the others are done', async () => {
    const { delivery, settled } = three();
    await delivery.again();
    await delivery.done();
    expect(settled).toEqual([]);
    await delivery.done();
    expect(settled).toEqual(['nack']);
  });

  test('whose lease is lost stops the work on all of its events', () => {
    const { delivery, message } = three();
    message.ackFailed(new Error('expired') as never);
    expect(delivery.events.map((e) => e.signal.aborted)).toEqual([true, true, true]);
  });

  test.each(['{"n":1}', '[]', '[1]', '[{"id":'])('%s is none: it arrives as it is, without the attributes of an event', (body) => {
    const { events } = delivered(Buffer.from(body)).delivery;
    expect(events).toHaveLength(1);
    expect(events[0]?.attributes['ce-id']).toBeUndefined();
    expect(events[0]?.body.toString()).toBe(body);
  });
});
