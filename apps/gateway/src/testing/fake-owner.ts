import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Principal } from '@convergence/contracts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly principal: Principal | undefined;
  readonly raw: string;
  readonly json: unknown;
}
export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}
export interface FakeOwner {
  readonly url: string;
  /** What came, in order; lookups of keys apart. */
  readonly asked: Asked[];
  answer: (asked: Asked, response: ServerResponse) => Answer | undefined | Promise<Answer | undefined>;
  close(): Promise<void>;
}

/** A service that answers as it is told; over real HTTP, so that what the gateway sends is what an owner would get. */
export async function fakeOwner(answer: FakeOwner['answer']): Promise<FakeOwner> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString('utf8');
    const one: Asked = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      principal: principalOf(request.headers['x-principal-token'] as string | undefined),
      raw,
      json: raw === '' ? undefined : JSON.parse(raw),
    };
    asked.push(one);
    const given = await owner.answer(one, response);
    if (!given) return;
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers });
    response.end(given.body === undefined ? undefined : JSON.stringify(given.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const owner: FakeOwner = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return owner;
}

function principalOf(token: string | undefined): Principal | undefined {
  if (!token) return undefined;
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')).principal;
}
