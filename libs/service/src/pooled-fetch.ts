/**
 * `fetch` for calls between services: the part of it that internal-client.ts uses, straight on undici's connection pools, at a
 * third of the global fetch's CPU time. Does not follow redirects, knows no cookies and no caches.
 */
import { Pool } from 'undici';

/** Connections to one service at once; more requests wait in line. */
const CONNECTIONS = 128;
/** Shorter than our servers keep a connection, so that none is closed under a request. */
const KEEP_ALIVE_MS = 30_000;
const pools = new Map<string, Pool>();

function poolOf(origin: string): Pool {
  const known = pools.get(origin);
  if (known) return known;
  const pool = new Pool(origin, { connections: CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS });
  pools.set(origin, pool);
  return pool;
}

interface Init {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal: AbortSignal;
}
export interface PooledResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
  json(): Promise<unknown>;
}

/** Fails as fetch does: a TypeError whose cause is the socket's error; an abort with the signal's reason. */
export async function pooledFetch(url: string, init: Init): Promise<PooledResponse> {
  const pathStart = url.indexOf('/', url.indexOf('//') + 2);
  const { method, headers, body, signal } = init;
  const answer = await poolOf(url.slice(0, pathStart))
    .request({ path: url.slice(pathStart), method: method as 'GET', headers, body: body ?? null, signal })
    .catch((cause: unknown) => {
      throw signal.aborted ? signal.reason : new TypeError('fetch failed', { cause });
    });
  return {
    status: answer.statusCode,
    ok: answer.statusCode >= 200 && answer.statusCode < 300,
    headers: {
      get: (name) => {
        const value = answer.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : (value ?? null);
      },
    },
    text: () => answer.body.text(),
    json: () => answer.body.json(),
  };
}
