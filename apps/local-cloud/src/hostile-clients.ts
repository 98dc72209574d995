/** Clients that nobody should be, for the fuzz test: requests that are nearly right, frames that are not, connections that break off. */
import { randomBytes } from 'node:crypto';
import { constants, connect as http2 } from 'node:http2';
import { connect as tcp } from 'node:net';
import type * as grpc from '@grpc/grpc-js';

const DEADLINE_MS = 10_000;
const PATIENCE_MS = 1000;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const NAMES = [
  'projects/p-valid/topics/abc',
  'projects/p-valid/subscriptions/abc',
  'projects//topics/',
  'topics/../x',
  '\u0000\ud800',
  'projects/p/locations/global/keyRings/r/cryptoKeys/k',
  'projects/convergence-local/datasets/d/tables/t',
  'projects/convergence-local/datasets/d/tables/t/streams/_default',
  '',
];
export const same = (bytes: Buffer): Buffer => bytes;
const upTo = (limit: number): number => Math.floor(Math.random() * limit);
export const pick = <T>(list: readonly T[]): T => list[upTo(list.length)]!;

/** Something between noise and a request: fields with plausible numbers, names that nearly fit, lengths that lie, now and then 11 MB. */
export function hostileBytes(): Buffer {
  const kind = Math.random();
  if (kind < 0.002) {
    return Buffer.alloc(11 * 1024 * 1024, 'x');
  }
  if (kind < 0.2) {
    return randomBytes(upTo(200));
  }
  const whole = message(0);
  return Math.random() < 0.3 ? whole.subarray(0, upTo(whole.length)) : whole;
}

function message(depth: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = upTo(6); i >= 0; i--) {
    const body =
      depth < 4 && Math.random() < 0.3 ? message(depth + 1) : Math.random() < 0.7 ? Buffer.from(pick(NAMES)) : randomBytes(upTo(60));
    const wire = Math.random() < 0.7 ? 2 : upTo(8);
    const length = Math.random() < 0.1 ? upTo(500) : body.length;
    const varint = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
    parts.push(Buffer.from([((1 + upTo(12)) << 3) | wire, ...varint]), body);
  }
  return Buffer.concat(parts);
}

/** Answers the status code. */
export function call(client: grpc.Client, method: string, bytes: Buffer): Promise<number> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(method, same, same, bytes, { deadline: Date.now() + DEADLINE_MS }, (error) => resolve(error?.code ?? 0));
  });
}

export function stream(client: grpc.Client, method: string, messages: readonly Buffer[]): Promise<number> {
  return new Promise((resolve) => {
    const open = client.makeBidiStreamRequest(method, same, same, { deadline: Date.now() + DEADLINE_MS });
    open.on('data', () => {});
    open.on('error', (error) => resolve((error as grpc.ServiceError).code));
    open.on('end', () => resolve(0));
    for (const bytes of messages) {
      open.write(bytes);
    }
    open.end();
  });
}

/** HTTP/2 that is right with gRPC frames that are not: a length prefix that promises more, a compressed flag, no content type. */
export function brokenFrames(host: string, path: string): Promise<void> {
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
    request.setTimeout(PATIENCE_MS, done);
    const frame = Buffer.concat([Buffer.from([upTo(2), 0, 0, 0, 200]), randomBytes(upTo(50))]);
    if (Math.random() < 0.3) {
      // Breaks off in the middle of a message of 11 MB.
      request.write(Buffer.concat([Buffer.from([0, 0, 0xb0, 0, 0]), Buffer.alloc(200_000)]), done);
    } else {
      request.end(frame);
    }
  });
}

/** No HTTP/2 at all, or one that stops in the middle of a frame. */
export function brokenTransport(host: string): Promise<void> {
  return new Promise((resolve) => {
    const [name, port] = host.split(':') as [string, string];
    const socket = tcp(Number(port), name, () => {
      const frame = Buffer.concat([Buffer.from([0, upTo(2), upTo(256), upTo(10), upTo(256), 0, 0, 0, upTo(4)]), randomBytes(upTo(300))]);
      const opening = pick([PREFACE, PREFACE.slice(0, 10), 'GET / HTTP/1.1\r\n\r\n', '']);
      socket.end(Buffer.concat([Buffer.from(opening), ...(Math.random() < 0.5 ? [EMPTY_SETTINGS] : []), frame]));
    });
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.resume();
  });
}
