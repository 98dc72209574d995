/** BigQuery's REST API through the client's own authenticated transport: bodies as we build them, answers as they come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQuery } from '@google-cloud/bigquery';
import { bigquery } from '../clients.ts';
import { bearer, type GoogleConfig, signIn } from '../endpoints.ts';
import { errorOf, verdictOf } from './errors.ts';

export interface Rest {
  readonly client: BigQuery;
  /** One request. Errors come as the client gives them. */
  once<T>(method: string, path: string, body?: object, query?: Record<string, string | number>): Promise<T>;
  /** With patience for rate limits and missing answers: only for what may be done twice. Errors come classified. */
  patiently<T>(method: string, path: string, body?: object, query?: Record<string, string | number>): Promise<T>;
}
const PATIENCE = 60_000;

export function rest(config: GoogleConfig): Rest {
  const at = config.hosts?.bigquery;
  const root = at ? (/^https?:\/\//.test(at) ? at : `http://${at}`).replace(/\/$/, '') : undefined;
  const client = new (bigquery().BigQuery)({
    projectId: config.project,
    location: config.location,
    // We know better what may be sent again, and under which id.
    autoRetry: false,
    maxRetries: 0,
    ...(root ? { apiEndpoint: root } : signIn(config)),
  });
  if (root && config.token) {
    client.interceptors.push({
      request: (options) => Object.assign(options, { headers: { ...options.headers, authorization: bearer(config) ?? '' } }) as never,
    });
  }
  // Without credentials to add, the client leaves an upload without headers, and then stumbles over that.
  const authenticated = client.makeAuthenticatedRequest;
  const withHeaders = (request: { headers?: object }, then: never) =>
    authenticated(
      { ...request, headers: { ...(root && config.token ? { authorization: bearer(config) } : {}), ...request.headers } } as never,
      then,
    );
  client.makeAuthenticatedRequest = Object.assign(withHeaders, authenticated) as typeof authenticated;
  const base = `${root ?? 'https://bigquery.googleapis.com'}/bigquery/v2/projects/${encodeURIComponent(config.project)}`;

  function once<T>(method: string, path: string, body?: object, query: Record<string, string | number> = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      client.request(
        {
          method,
          uri: `${base}${path}`,
          qs: query,
          // As text: the client would copy a body given as an object, member by member.
          ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
        } as Parameters<BigQuery['request']>[0],
        (error: Error | null, answer: unknown) => {
          if (error) reject(error);
          else resolve((typeof answer === 'string' && answer !== '' ? JSON.parse(answer) : answer) as T);
        },
      );
    });
  }

  async function patiently<T>(method: string, path: string, body?: object, query?: Record<string, string | number>): Promise<T> {
    const began = Date.now();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await once<T>(method, path, body, query);
      } catch (cause) {
        const { kind } = verdictOf(cause);
        const wait = backoff(attempt, kind === 'again' ? 500 : 100);
        if (kind === 'refused' || Date.now() - began + wait > PATIENCE) throw errorOf(cause);
        await sleep(wait);
      }
    }
  }
  return { client, once, patiently };
}

/** Exponential with full jitter over its upper half. */
export function backoff(attempt: number, first: number): number {
  const most = Math.min(8_000, first * 2 ** attempt);
  return most / 2 + (Math.random() * most) / 2;
}
