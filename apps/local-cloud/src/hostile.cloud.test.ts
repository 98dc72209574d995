/** A minute of bad input against both gRPC products: every call gets a status, and the process answers a good call afterwards. */
import { randomBytes } from 'node:crypto';
import { constants, connect as http2 } from 'node:http2';
import { connect as tcp } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type StartedProcess, startProcess } from './started-process.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 60);
const METHODS: Record<'pubsub' | 'kms', string[]> = {
  pubsub: [
    ...[
      'CreateTopic',
      'UpdateTopic',
      'Publish',
      'GetTopic',
      'ListTopics',
      'ListTopicSubscriptions',
      'DeleteTopic',
      'DetachSubscription',
    ].map((name) => `/google.pubsub.v1.Publisher/${name}`),
    ...[
      'CreateSubscription',
      'GetSubscription',
      'UpdateSubscription',
      'ListSubscriptions',
      'ModifyAckDeadline',
      'Acknowledge',
      'Seek',
      'CreateSnapshot',
    ].map((name) => `/google.pubsub.v1.Subscriber/${name}`),
    '/google.pubsub.v1.Subscriber/NoSuchMethod',
    '/google.pubsub.v1.SchemaService/CreateSchema',
    '/no.such.Service/Method',
  ],
  kms: [
    ...[
      'CreateKeyRing',
      'GetKeyRing',
      'ListKeyRings',
      'CreateCryptoKey',
      'UpdateCryptoKey',
      'Encrypt',
      'Decrypt',
      'DestroyCryptoKeyVersion',
      'MacSign',
    ].map((name) => `/google.cloud.kms.v1.KeyManagementService/${name}`),
    '/google.cloud.kms.v1.KeyManagementService/NoSuchMethod',
    '/google.cloud.kms.v1.EkmService/ListEkmConnections',
  ],
};
const same = (bytes: Buffer): Buffer => bytes;

/** Something between noise and a request: fields with plausible numbers, names that nearly fit, lengths that lie. */
function hostileBytes(): Buffer {
  const kind = Math.random();
  if (kind < 0.2) {
    return randomBytes(Math.floor(Math.random() * 200));
  }
  const parts: Buffer[] = [];
  for (let i = Math.floor(Math.random() * 6); i >= 0; i--) {
    const field = 1 + Math.floor(Math.random() * 12);
    const names = [
      'projects/p-valid/topics/abc',
      'projects/p-valid/subscriptions/abc',
      'projects//topics/',
      'topics/../x',
      '\u0000\ud800',
      'projects/p/locations/global/keyRings/r/cryptoKeys/k',
      '',
    ];
    const body =
      Math.random() < 0.6 ? Buffer.from(names[Math.floor(Math.random() * names.length)]!) : randomBytes(Math.floor(Math.random() * 60));
    const wire = Math.random() < 0.7 ? 2 : Math.floor(Math.random() * 8);
    const lie = Math.random() < 0.15 ? Math.floor(Math.random() * 500) : body.length;
    parts.push(Buffer.from([(field << 3) | wire, lie & 0x7f]), body);
  }
  const whole = Buffer.concat(parts);
  return Math.random() < 0.3 ? whole.subarray(0, Math.floor(Math.random() * whole.length)) : whole;
}

function call(client: grpc.Client, method: string, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(method, same, same, bytes, { deadline: Date.now() + 10_000 }, (error) => resolve(error?.code ?? 0));
  });
}

function streamingPull(client: grpc.Client, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const stream = client.makeBidiStreamRequest('/google.pubsub.v1.Subscriber/StreamingPull', same, same, {
      deadline: Date.now() + 10_000,
    });
    stream.on('data', () => {});
    stream.on('error', (error) => resolve((error as grpc.ServiceError).code));
    stream.on('end', () => resolve(0));
    stream.write(bytes);
    stream.end();
  });
}

/** HTTP/2 that is right with gRPC frames that are not: a length prefix that promises more, a compressed flag, no content type. */
function brokenFrames(host: string, path: string): Promise<void> {
  return new Promise((resolve) => {
    const session = http2(`http://${host}`);
    session.on('error', () => resolve());
    const request = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      ...(Math.random() < 0.8 ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
    });
    const done = (): void => {
      session.destroy();
      resolve();
    };
    request.on('error', done).on('close', done).resume();
    request.setTimeout(2000, done);
    request.end(Buffer.concat([Buffer.from([Math.random() < 0.5 ? 0 : 1, 0, 0, 0, 200]), randomBytes(Math.floor(Math.random() * 50))]));
  });
}

function brokenTransport(host: string): Promise<void> {
  return new Promise((resolve) => {
    const [name, port] = host.split(':') as [string, string];
    const socket = tcp(Number(port), name, () => {
      socket.write(Math.random() < 0.5 ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : 'GET / HTTP/1.1\r\n\r\n');
      socket.end(randomBytes(100));
    });
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.setTimeout(2000, () => socket.destroy());
    socket.resume();
  });
}

describe('bad input', () => {
  let cloud: StartedProcess;
  beforeAll(async () => {
    cloud = await startProcess();
  });
  afterAll(() => cloud.dispose());

  test('of any kind gets a status and never takes the process down', async () => {
    const statuses = new Map<number, number>();
    const count = (code: number): void => void statuses.set(code, (statuses.get(code) ?? 0) + 1);
    const { pid } = cloud;
    for (const product of ['pubsub', 'kms'] as const) {
      const host = cloud.addresses[product];
      const client = new grpc.Client(host, grpc.credentials.createInsecure());
      for (const end = performance.now() + (SECONDS * 1000) / 2; performance.now() < end; ) {
        await Promise.all([
          ...Array.from({ length: 20 }, () =>
            call(client, METHODS[product][Math.floor(Math.random() * METHODS[product].length)]!, hostileBytes()).then(count),
          ),
          ...(product === 'pubsub' ? [streamingPull(client, hostileBytes()).then(count)] : []),
          brokenFrames(host, METHODS[product][2]!),
          brokenTransport(host),
        ]);
      }
      client.close();
    }
    expect(cloud.pid).toBe(pid);
    expect(await fetch(`${cloud.addresses.bigquery}/healthz`).then((r) => r.status)).toBe(200);
    // No call hung until its deadline, none hit a bug of ours.
    expect([...statuses.keys()].filter((code) => code === grpc.status.DEADLINE_EXCEEDED || code === grpc.status.INTERNAL)).toEqual([]);
    expect(statuses.get(grpc.status.INVALID_ARGUMENT) ?? 0).toBeGreaterThan(0);
    expect(statuses.get(grpc.status.UNIMPLEMENTED) ?? 0).toBeGreaterThan(0);
    expect(cloud.stderr()).toBe('');
  }, 180_000);

  test('a method that is not served is named', async () => {
    const client = new grpc.Client(cloud.addresses.kms, grpc.credentials.createInsecure());
    const details = await new Promise((resolve) => {
      client.makeUnaryRequest('/google.cloud.kms.v1.KeyManagementService/MacSign', same, same, Buffer.alloc(0), (error) =>
        resolve(error?.details),
      );
    });
    client.close();
    expect(details).toBe('google.cloud.kms.v1.KeyManagementService.MacSign is not part of local-cloud.');
  });
});
