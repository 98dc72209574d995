/** The hand-written bytes against protobufjs, which reads the same descriptors as the client. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { descriptors } from '../grpc/server.ts';
import { InvalidAckId, parseAckId, readAckIds, receivedMessages } from './delivery-bytes.ts';
import { attributeBytes, attributesOf, orderingKeyOf, publishResponse, readPublish, timeSuffix } from './message-bytes.ts';
import { Malformed } from './protobuf-bytes.ts';

const root = descriptors('@google-cloud/pubsub/build/protos/protos.json');
const type = (name: string) => root.lookupType(`google.pubsub.v1.${name}`);
const encode = (name: string, value: object): Buffer => Buffer.from(type(name).encode(type(name).fromObject(value)).finish());
const plain = (name: string, bytes: Uint8Array) => type(name).toObject(type(name).decode(bytes), { longs: Number, bytes: String });

describe('bytes', () => {
  test('a published message is found where it lies, with its sizes', () => {
    const messages = [
      { data: Buffer.alloc(300, 1), attributes: { a: 'b', long: 'x'.repeat(200) }, orderingKey: 'käy' },
      { attributes: { ä: '' } },
      { data: Buffer.from([1]), messageId: 'liar', publishTime: { seconds: 1 } },
    ];
    const { topic, messages: found } = readPublish(encode('PublishRequest', { topic: 'projects/p/topics/t', messages }));
    expect(topic).toBe('projects/p/topics/t');
    expect(found.map((m) => [m.dataBytes, m.attributes, m.longestKey, m.longestValue, m.orderingKeyBytes, m.badKey])).toEqual([
      [300, 2, 4, 200, 4, false],
      [0, 1, 2, 0, 0, false],
      [1, 0, 0, 0, 0, false],
    ]);
    const first = found[0]!;
    expect(orderingKeyOf(first.bytes, first.start, first.end)).toBe('käy');
    expect([...attributesOf(first.bytes, first.start, first.end)]).toEqual([
      ['a', 'b'],
      ['long', 'x'.repeat(200)],
    ]);
  });

  test('empty and reserved attribute keys are seen', () => {
    for (const key of ['', 'goog', 'googclient_x']) {
      expect(readPublish(encode('PublishRequest', { messages: [{ attributes: { [key]: 'v' } }] })).messages[0]!.badKey).toBe(true);
    }
    expect(readPublish(encode('PublishRequest', { messages: [{ attributes: { goo: 'v', xgoog: 'v' } }] })).messages[0]!.badKey).toBe(false);
  });

  test('what is appended to a message sets its id, time and attributes, whatever it claimed before', () => {
    const message = encode('PubsubMessage', { data: Buffer.from('x'), messageId: 'liar', publishTime: { seconds: 1, nanos: 5 } });
    const stored = Buffer.concat([
      message,
      Buffer.from([0x1a, 2]),
      Buffer.from('42'),
      timeSuffix(1_700_000_000_123),
      attributeBytes('k', 'v'.repeat(200)),
    ]);
    expect(plain('PubsubMessage', stored)).toMatchObject({
      messageId: '42',
      publishTime: { seconds: 1_700_000_000, nanos: 123_000_000 },
      attributes: { k: 'v'.repeat(200) },
    });
  });

  test('responses decode to what was put in', () => {
    const bodies = [encode('PubsubMessage', { data: Buffer.alloc(200, 7) }), encode('PubsubMessage', { attributes: { a: 'b' } })];
    const bytes = Buffer.concat(bodies);
    const response = receivedMessages(
      [
        { ackId: '4294967297-1', bytes, start: 0, end: bodies[0]!.length, attempt: 0 },
        { ackId: '4294967298-22', bytes, start: bodies[0]!.length, end: bytes.length, attempt: 300 },
      ],
      Buffer.from([0x22, 4, 0x08, 1, 0x10, 1]),
    );
    const decoded = plain('StreamingPullResponse', response) as {
      receivedMessages: { ackId: string; deliveryAttempt?: number }[];
      subscriptionProperties: object;
    };
    expect(decoded.receivedMessages.map((m) => [m.ackId, m.deliveryAttempt])).toEqual([
      ['4294967297-1', undefined],
      ['4294967298-22', 300],
    ]);
    expect(decoded.subscriptionProperties).toEqual({ exactlyOnceDeliveryEnabled: true, messageOrderingEnabled: true });
    expect(plain('PublishResponse', publishResponse(99, 3))).toEqual({ messageIds: ['99', '100', '101'] });
  });

  test('ack ids are read as numbers, and what is none is refused', () => {
    const request = encode('ModifyAckDeadlineRequest', {
      subscription: 's',
      ackIds: ['4294967297-1', '8589934592-9007199254740991'],
      ackDeadlineSeconds: 600,
    });
    expect(readAckIds(request, 34)).toEqual({
      subscription: 's',
      pairs: [4294967297, 1, 8589934592, 9007199254740991],
      deadlineSeconds: 600,
    });
    expect(readAckIds(encode('ModifyAckDeadlineRequest', { ackDeadlineSeconds: -5 }), 34).deadlineSeconds).toBe(-1);
    for (const bad of ['', '1', '1-', 'x-1', '1-x', '1-99999999999999999999', '-', '1--1']) {
      expect(() => readAckIds(encode('AcknowledgeRequest', { ackIds: [bad] }), 18)).toThrow(InvalidAckId);
    }
    expect(parseAckId('7-8')).toEqual([7, 8]);
  });

  test('any cut or noise is Malformed or read, never worse', () => {
    const whole = encode('PublishRequest', {
      topic: 't',
      messages: [{ data: Buffer.alloc(40), attributes: { a: 'b' }, orderingKey: 'k' }],
    });
    for (let cut = 0; cut < whole.length; cut++) {
      attempt(() => readPublish(whole.subarray(0, cut)));
    }
    for (let i = 0; i < 3000; i++) {
      const noise = randomBytes(1 + (i % 80));
      attempt(() => readPublish(noise));
      attempt(() => readAckIds(noise, 18));
      attempt(() => attributesOf(noise, 0, noise.length));
      attempt(() => orderingKeyOf(noise, 0, noise.length));
    }
  });
});

function attempt(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof InvalidAckId)) {
      throw error;
    }
  }
}
