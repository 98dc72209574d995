/**
 * BigQuery's REST API: signed by the client, sent and read here. The client copies bodies and answers member by member, which for
 * pages of rows takes longer than all the rest, and leaves as much garbage again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQuery } from '@google-cloud/bigquery';
import { bigquery } from '../clients.ts';
import { bearer, type GoogleConfig, signIn } from '../endpoints.ts';
import { errorOf, verdictOf } from './errors.ts';
import { type Asked, exchange } from './exchange.ts';

type Headers = Readonly<Record<string, string>>;
export interface Rest {
  readonly client: BigQuery;
  /** One request. Errors have `code` and `errors` as the client's have. */
  once<T>(method: string, path: string, body?: object, query?: Record<string, string | number>, headers?: Headers): Promise<T>;
  /** With patience for rate limits and missing answers: only for what may be done twice. Errors come classified. */
  patiently<T>(method: string, path: string, body?: object, query?: Record<string, string | number>, headers?: Headers): Promise<T>;
}
const PATIENCE = 60_000;
/** Something of an answer comes within this: BigQuery itself waits at most 30 seconds for the end of a statement, as it is asked to. */
const ANSWER_MS = 40_000;

export function rest(config: GoogleConfig, answerMs = ANSWER_MS): Rest {
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

  function once<T>(
    method: string,
    path: string,
    body?: object,
    query: Record<string, string | number> = {},
    more: Headers = {},
  ): Promise<T> {
    const url = new URL(`${base}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    // The text alone is held while the request is under way: the rows of a checkpoint are some hundred thousand objects.
    const text = body && JSON.stringify(body);
    return new Promise<T>((resolve, reject) => {
      const onAuthenticated = (error: Error | null, signed?: { headers?: Record<string, string> }) => {
        if (error) reject(error);
        else send<T>(url, { method, headers: signed?.headers ?? {}, ...(text && { body: text }) }, answerMs).then(resolve, reject);
      };
      const headers = { ...more, ...(text && { 'content-type': 'application/json' }) };
      client.makeAuthenticatedRequest({ method, uri: url.href, headers } as never, { onAuthenticated } as never);
    });
  }

  async function patiently<T>(...request: Parameters<typeof once>): Promise<T> {
    const began = Date.now();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await once<T>(...request);
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

async function send<T>(url: URL, request: Asked, answerMs: number): Promise<T> {
  const { status, text } = await exchange(url, request, answerMs);
  if (status >= 200 && status < 300) return (text === '' ? undefined : JSON.parse(text)) as T;
  const { code = status, message = text.slice(0, 1000), errors = [] } = refusalIn(text);
  throw Object.assign(new Error(message || `HTTP ${status}`), { code, errors });
}
/** A proxy's answer is no JSON. */
function refusalIn(text: string): { code?: number; message?: string; errors?: readonly object[] } {
  try {
    return (JSON.parse(text) as { error?: object }).error ?? {};
  } catch {
    return {};
  }
}

/** Exponential with full jitter over its upper half. */
export function backoff(attempt: number, first: number): number {
  const most = Math.min(8_000, first * 2 ** attempt);
  return most / 2 + (Math.random() * most) / 2;
}
