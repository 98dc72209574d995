import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pooledFetch } from './pooled-fetch.ts';

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(request.url === '/missing' ? 404 : 200, { 'content-type': 'application/json', 'retry-after': '3' });
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => response.end(JSON.stringify({ method: request.method, asked: request.headers['x-asked'], body })));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
const init = { method: 'POST', headers: { 'x-asked': 'yes' }, signal: new AbortController().signal };

describe('pooled fetch', () => {
  test('asks and answers as fetch does, as far as it goes', async () => {
    const answer = await pooledFetch(`${url}/a?b=c`, { ...init, body: 'text' });
    expect({ status: answer.status, ok: answer.ok, retry: answer.headers.get('Retry-After'), none: answer.headers.get('etag') }).toEqual({
      status: 200,
      ok: true,
      retry: '3',
      none: null,
    });
    expect(JSON.parse(await answer.text())).toEqual({ method: 'POST', asked: 'yes', body: 'text' });
    const missing = await pooledFetch(`${url}/missing`, { ...init, method: 'GET' });
    expect({ status: missing.status, ok: missing.ok }).toEqual({ status: 404, ok: false });
    expect(await missing.json()).toMatchObject({ method: 'GET' });
  });

  test('nobody there is a TypeError whose cause says so', async () => {
    await expect(pooledFetch('http://127.0.0.1:1/', init)).rejects.toMatchObject({ name: 'TypeError', cause: { code: 'ECONNREFUSED' } });
  });

  test('an abort ends the wait with the reason', async () => {
    const left = new AbortController();
    const waiting = pooledFetch(`${url}/silent`, { ...init, signal: left.signal });
    left.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });
});
