import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transient } from '@convergence/contracts';
import { expect, test } from '@jest/globals';
import { internalClient } from './internal-client.ts';
import { TokenSigner } from './principal-token.ts';

const MORE_THAN_THE_POOL = 130;

async function given(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = internalClient({
    target: 'executor-service',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    signer: new TokenSigner('gateway', { keys: ['test-signing-key-of-enough-length!!!!'] }),
    attempts: 1,
  });
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { client, close };
}
const ask = { method: 'GET', principal: { kind: 'service', service: 'gateway' } } as const;

test('whoever watches a stream takes no connection away from calls', async () => {
  const { client, close } = await given((request, response) => {
    if (request.url === '/stream') response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
    else response.setHeader('content-type', 'application/json').end('{"answer":1}');
  });
  const left = new AbortController();
  try {
    const streams = Array.from({ length: MORE_THAN_THE_POOL }, () => client.stream({ ...ask, path: '/stream', signal: left.signal }));
    expect((await Promise.all(streams)).map(({ status }) => status)).toEqual(Array(MORE_THAN_THE_POOL).fill(200));
    expect(await client.call({ ...ask, path: '/call' })).toEqual({ answer: 1 });
  } finally {
    left.abort();
    close();
  }
});

test('what a load balancer answers in place of the service is not handed on, and is a 503 where it says so', async () => {
  const { client, close } = await given((request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { 'content-type': 'text/html' }).end('<p>Rate exceeded.</p>');
  });
  try {
    for (const path of ['/503', '/429']) await expect(client.call({ ...ask, path })).rejects.toThrow(Transient);
    for (const path of ['/200', '/404']) {
      await expect(client.call({ ...ask, path })).rejects.toThrow(`executor-service answered ${path.slice(1)}`);
      await expect(client.send({ ...ask, path })).rejects.toThrow(`executor-service answered ${path.slice(1)}`);
    }
  } finally {
    close();
  }
});
