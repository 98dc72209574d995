/**
 * Calls to another of our services: signed principal, trace context, deadline, retries.
 *
 * Does not know: what is asked. 1. A call either answers or throws: the other side's Refusal as the same Refusal, its time to come again too, "not now" (503, no
 * connection, deadline) as Transient, anything else as an Error. 2. Only what may be repeated is repeated: GET, calls marked
 * `idempotent`, and connections that were refused before a byte was sent. 3. All attempts together stay within the deadline.
 */
import { ERRORS, type ErrorCode, type Principal, Refusal, type ServiceName, Transient } from '@convergence/contracts';
import { gather } from './gather.ts';
import type { Metrics } from './metrics.ts';
import { pooledFetch } from './pooled-fetch.ts';
import type { TokenSigner } from './principal-token.ts';
import { JsonText } from './route.ts';
import { MOST_TOGETHER, TOGETHER_PATH, type TogetherResponse } from './together.ts';
import { inSpan, outgoingTrace } from './trace.ts';

export interface InternalRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With leading slash; a query may stand in it. */
  readonly path: string;
  readonly principal: Principal;
  readonly body?: unknown;
  /** Instead of `body`: JSON bytes that must arrive as they are (signed ones). */
  readonly rawBody?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** May be sent twice without harm. GET always may. */
  readonly idempotent?: boolean;
  /** For all attempts together. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface InternalResponse<Body = unknown> {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Undefined for an empty answer. */
  readonly body: Body | undefined;
}

export interface InternalClient {
  /** The parsed body of a 2xx answer. */
  call<T = unknown>(request: InternalRequest): Promise<T>;
  /** The whole answer of a 2xx, for who passes it on: a page of runs takes longer to parse and to write again than all else at the door. */
  send(request: InternalRequest): Promise<InternalResponse<JsonText>>;
  /** The whole answer to a GET that is answered from memory; those of one moment travel in one call. Its signal is not looked at. */
  read(request: InternalRequest): Promise<InternalResponse>;
  /** The answer as it streams (server-sent events): one attempt; the deadline covers the headers only. */
  stream(request: InternalRequest): Promise<Response>;
}

export interface InternalClientOptions {
  readonly target: ServiceName;
  readonly baseUrl: string;
  readonly signer: TokenSigner;
  readonly metrics?: Metrics;
  readonly timeoutMs?: number;
  readonly attempts?: number;
  /** For tests. */
  readonly fetch?: typeof fetch;
}

export function internalClient(options: InternalClientOptions): InternalClient {
  async function ask<Body>(request: InternalRequest, bodyOf: (text: string) => Body): Promise<InternalResponse<Body>> {
    const { response, text } = await attempts(options, request);
    const { status, headers } = response;
    // A load balancer or a proxy answers in its own words.
    const json = text !== '' && /\bjson\b/.test(headers.get('content-type') ?? '');
    if (!response.ok) throw errorOf(options.target, status, json ? JSON.parse(text) : undefined, headers.get('retry-after'));
    if (text !== '' && !json) throw new Error(`${options.target} answered ${status}, but no JSON`);
    return { status, headers, body: json ? bodyOf(text) : undefined };
  }
  const alone = (request: InternalRequest) => ask<unknown>(request, JSON.parse);
  return {
    send: (request) => ask(request, (text) => new JsonText(text)),
    read: gather({ alone, together: (requests) => readTogether(options, requests, alone), most: MOST_TOGETHER, calls: READS }),
    call: async <T>(request: InternalRequest) => (await alone(request)).body as T,
    stream: async (request) => {
      const response = await attempt(
        options,
        request,
        request.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS,
        async (answer) => answer,
        true,
      );
      if (!response.ok) throw errorOf(options.target, response.status, await response.json().catch(() => undefined));
      return response;
    },
  };
}

const TIMEOUT_MS = 5000;
const ATTEMPTS = 3;
/** Calls with reads on their way at once. */
const READS = 2;
const NO_HEADERS = { get: () => null };

async function readTogether(
  { target, signer }: InternalClientOptions,
  requests: readonly InternalRequest[],
  alone: InternalClient['read'],
): Promise<(() => InternalResponse | Promise<InternalResponse>)[]> {
  const asked = requests.map(async ({ path, principal, headers }) => ({
    path,
    token: await signer.token(target, principal),
    request_id: headers?.['x-request-id'] ?? '',
  }));
  const together = await alone({
    method: 'POST',
    path: TOGETHER_PATH,
    principal: { kind: 'service', service: signer.service },
    body: { asked: await Promise.all(asked) },
    idempotent: true,
    timeoutMs: requests[0]?.timeoutMs ?? TIMEOUT_MS,
  });
  return requests.map((request, at) => () => {
    const { status, body } = (together.body as TogetherResponse).answers[at] ?? { status: 503 };
    if (status === 503) return alone(request);
    if (status >= 300) throw errorOf(target, status, body);
    return { status, headers: NO_HEADERS, body };
  });
}

async function attempts(options: InternalClientOptions, request: InternalRequest): Promise<{ response: Response; text: string }> {
  const repeatable = request.idempotent ?? request.method === 'GET';
  const deadline = Date.now() + (request.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS);
  for (let number = 1; ; number++) {
    const pause = 50 * 2 ** (number - 1) * (0.5 + Math.random());
    const last = () => number >= (options.attempts ?? ATTEMPTS) || Date.now() + pause >= deadline || request.signal?.aborted === true;
    try {
      const answer = await attempt(options, request, deadline - Date.now(), async (response) => ({
        response,
        text: await response.text(),
      }));
      if (answer.response.status !== 503 || !repeatable || last()) return answer;
    } catch (error) {
      if (last() || !(repeatable || neverSent(error))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Transient <- fetch's TypeError <- the socket's error. */
const neverSent = (error: unknown): boolean =>
  (error as { cause?: { cause?: { code?: string } } } | undefined)?.cause?.cause?.code === 'ECONNREFUSED';

async function attempt<T>(
  options: InternalClientOptions,
  request: InternalRequest,
  timeoutMs: number,
  read: (response: Response) => Promise<T>,
  /** The caller's signal counts for the body too, which is read later. */
  goesOn = false,
): Promise<T> {
  const stop = options.metrics?.internalRequests.startTimer({ target: options.target, method: request.method });
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new Error('deadline')), Math.max(1, timeoutMs));
  // By hand: AbortSignal.any costs more than the rest of the call's bookkeeping.
  const given = request.signal;
  const leave = () => deadline.abort(given?.reason);
  given?.addEventListener('abort', leave, { once: true });
  if (given?.aborted) leave();
  const { signal } = deadline;
  const body = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  try {
    return await inSpan(`call ${options.target}`, { kind: 'client' }, async () => {
      const identity = await options.signer.headers(options.target, options.baseUrl, request.principal);
      const headers = {
        ...request.headers,
        ...identity,
        ...outgoingTrace(),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      // A stream has a connection of its own, as long as somebody watches: in the pool it would be one less for all calls.
      const response = await (options.fetch ?? (goesOn ? fetch : (pooledFetch as typeof fetch)))(`${options.baseUrl}${request.path}`, {
        method: request.method,
        headers,
        ...(body !== undefined && { body: body as Uint8Array<ArrayBuffer> | string }),
        redirect: 'error',
        signal,
      });
      stop?.({ outcome: String(response.status) });
      return await read(response);
    });
  } catch (cause) {
    const late = signal.aborted && !given?.aborted;
    stop?.({ outcome: late ? 'timeout' : 'error' });
    if (given?.aborted) throw cause;
    throw new Transient(late ? `${options.target} did not answer in time.` : `${options.target} can not be reached.`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
    if (!goesOn) given?.removeEventListener('abort', leave);
  }
}

function errorOf(target: ServiceName, status: number, body: unknown, retryAfter: string | null = null): Error {
  const { code, detail, ...rest } = (body ?? {}) as { code?: string; detail?: string } & Record<string, unknown>;
  // That we do not trust each other (a wrong key, a clock that is minutes off) is nothing that whoever asked could mend.
  if (code === undefined || !Object.hasOwn(ERRORS, code) || status === 500 || code === 'auth.internal') {
    return status === 503 || status === 429
      ? new Transient(`${target} is not available.`)
      : new Error(`${target} answered ${status}${code ? ` ${code}` : ''}${detail ? `: ${detail}` : ''}`);
  }
  const known = code as ErrorCode;
  const wait = retryAfter === null ? {} : { retryAfterSeconds: Number(retryAfter) };
  if (status >= 500) return new Transient(detail ?? `${target} is not available.`, { code: known, ...wait });
  const { type: _type, title: _title, status: _status, instance: _instance, trace_id: _trace, ...fields } = rest;
  return new Refusal(known, detail ?? ERRORS[known].title, { fields, ...wait });
}
