import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { internalClient } from './internal-client.ts';
import { TokenSigner } from './principal-token.ts';

const MORE_THAN_THE_POOL = 130;

test('whoever watches a stream takes no connection away from calls', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/stream') response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
    else response.end('{"answer":1}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = internalClient({
    target: 'executor-service',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    signer: new TokenSigner('gateway', { keys: ['test-signing-key-of-enough-length!!!!'] }),
  });
  const left = new AbortController();
  const ask = { method: 'GET', principal: { kind: 'service', service: 'gateway' }, signal: left.signal } as const;
  try {
    const streams = Array.from({ length: MORE_THAN_THE_POOL }, () => client.stream({ ...ask, path: '/stream' }));
    expect((await Promise.all(streams)).map(({ status }) => status)).toEqual(Array(MORE_THAN_THE_POOL).fill(200));
    expect(await client.call({ ...ask, path: '/call' })).toEqual({ answer: 1 });
  } finally {
    left.abort();
    server.closeAllConnections();
    server.close();
  }
});
