import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { exchange } from './exchange.ts';

let close: () => void = () => undefined;
afterEach(() => close());
async function served(listener: RequestListener): Promise<URL> {
  const server = createServer({ keepAliveTimeout: 0 }, listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  close = () => server.close().closeAllConnections();
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path?a=b`);
}
const TEXT = 'Ä€💶"\\ '.repeat(50_000);

test.each(['with', 'without'])('sends what was asked and reads an answer %s its length', async (length) => {
  const url = await served(async (request, response) => {
    const said = JSON.stringify({
      at: request.url,
      method: request.method,
      signed: request.headers.authorization,
      body: String(Buffer.concat(await request.toArray())) === TEXT,
    });
    response.statusCode = 418;
    if (length === 'with') response.setHeader('content-length', Buffer.byteLength(said));
    response.write(said.slice(0, 10));
    response.end(said.slice(10));
  });
  const { status, text } = await exchange(url, { method: 'POST', headers: new Headers({ authorization: 'Bearer x' }), body: TEXT }, 5_000);
  expect(status).toBe(418);
  expect(JSON.parse(text)).toEqual({ at: '/path?a=b', method: 'POST', signed: 'Bearer x', body: true });
});

test('an answer without a body is an empty text', async () => {
  const url = await served((_, response) => response.writeHead(204).end());
  expect(await exchange(url, { method: 'DELETE', headers: {} }, 5_000)).toEqual({ status: 204, text: '' });
});

test.each([
  ['no answer', () => undefined],
  ['half an answer', (_, response) => response.writeHead(200, { 'content-length': 10 }).write('half')],
] as [string, RequestListener][])('does not wait for ever: %s', async (_, listener) => {
  await expect(exchange(await served(listener), { method: 'GET', headers: {} }, 100)).rejects.toThrow('did not answer in time');
});

test.each(['10', undefined])('an answer that breaks off fails, with a length of %s', async (length) => {
  const url = await served((_, response) => {
    response.writeHead(200, length ? { 'content-length': length } : {}).write('half');
    setTimeout(() => response.destroy(), 20);
  });
  await expect(exchange(url, { method: 'GET', headers: {} }, 5_000)).rejects.toThrow();
});

test('a length of an answer that has no body says nothing', async () => {
  const url = await served((_, response) => response.writeHead(204, { 'content-length': 10 }).end());
  expect(await exchange(url, { method: 'DELETE', headers: {} }, 5_000)).toEqual({ status: 204, text: '' });
});

test('a connection is given up before the server that tells for how long it keeps one does so', async () => {
  let closed: Promise<unknown> | undefined;
  const url = await served((request, response) => {
    closed = once(request.socket, 'close');
    response.writeHead(200, { connection: 'keep-alive', 'keep-alive': 'timeout=2' }).end('x');
  });
  await exchange(url, { method: 'GET', headers: {} }, 5_000);
  await closed;
});

test('one connection is used again and again, and holds on to nothing', async () => {
  const sockets = new Set<unknown>();
  const url = await served((request, response) => {
    sockets.add(request.socket);
    response.end('x');
  });
  const warned: string[] = [];
  const onWarning = (warning: Error) => warned.push(warning.message);
  process.on('warning', onWarning);
  for (let n = 0; n < 30; n += 1) await exchange(url, { method: 'GET', headers: {} }, 5_000);
  process.off('warning', onWarning);
  expect([sockets.size, warned]).toEqual([1, []]);
});
