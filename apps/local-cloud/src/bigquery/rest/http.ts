/**
 * HTTP as Google's JSON APIs speak it: routing in both path styles, bodies (plain or gzip), envelopes, prettyPrint.
 * Knows no resource.
 *
 * 1. Every answer is JSON with Google's envelope; an unexpected error is a 500 without its text.
 * 2. A body over the limit, or that is no JSON object, is refused before any handler sees it.
 * 3. Nothing that a client sends or aborts ends the process.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Firing } from '../../control/index.ts';
import { type Caller, type Identity, Unauthenticated } from '../../identity/index.ts';
import { ApiError } from '../errors.ts';
import { checkShape } from './body-shape.ts';
import { JsonText } from './json-text.ts';

const unzip = promisify(gunzip);
const MAX_JSON = 10 * 1024 * 1024;
const MAX_UPLOAD = 256 * 1024 * 1024;

// biome-ignore lint/suspicious/noExplicitAny: a body has the shape its client gave it; handlers check what they use
export type Json = any;

export interface RestRequest {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Json;
  readonly caller: Caller;
  readonly http: IncomingMessage;
  /** For uploads, which read the body themselves. */
  readonly rawBody: () => Promise<Buffer>;
}
/** An answer with a status or headers of its own. */
export class Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Record<string, string>;
  constructor(status: number, body: unknown, headers: Record<string, string> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export interface Route {
  readonly method: string;
  /** `/projects/{project}/datasets`, without prefix. */
  readonly path: string;
  readonly handle: (request: RestRequest) => unknown;
  readonly upload?: boolean;
}
interface Compiled extends Route {
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

export interface HttpOptions {
  readonly port: number;
  readonly host?: string;
  readonly routes: readonly Route[];
  readonly identity: Identity;
  readonly admit: (caller: Caller, method: string) => void;
  readonly fault: (point: string) => Firing | undefined;
  readonly sleep: (virtualMs: number) => Promise<void>;
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => boolean;
  readonly onBug: (where: string, error: unknown) => void;
}

export async function listen(options: HttpOptions): Promise<{ server: Server; port: number }> {
  const routes = options.routes.map(compile);
  const server = createServer({ keepAliveTimeout: 30_000, maxHeaderSize: 64 * 1024 }, (request, response) => {
    response.on('error', () => undefined);
    if (/^\/(__|healthz)/.test(request.url ?? '') && options.fallback?.(request, response)) return;
    serve(request, response, routes, options).catch((error) => {
      options.onBug(`${request.method} ${request.url}`, error);
      response.destroy();
    });
  });
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host ?? '127.0.0.1', () => resolve());
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : options.port };
}

function compile(route: Route): Compiled {
  const names: string[] = [];
  const pattern = route.path.replace(/[.+*?^$()[\]|\\]/g, '\\$&').replace(/\{(\w+)\}/g, (_, name: string) => {
    names.push(name);
    return '([^/]+)';
  });
  return { ...route, pattern: new RegExp(`^${pattern}/?$`), names };
}

const PREFIX = /^\/(?:bigquery\/v2(?=\/))?/;

async function serve(request: IncomingMessage, response: ServerResponse, routes: readonly Compiled[], options: HttpOptions): Promise<void> {
  let url: URL;
  try {
    url = new URL(request.url ?? '/', 'http://localhost');
  } catch {
    send(response, new ApiError('badRequest', 'Bad Request'), false);
    return;
  }
  const pretty = url.searchParams.get('prettyPrint') !== 'false';
  try {
    const path = url.pathname.replace(PREFIX, '/').replace(/^\/\//, '/');
    const method = (request.headers['x-http-method-override'] as string | undefined)?.toUpperCase() ?? request.method ?? 'GET';
    const found = route(routes, method, path);
    if (!found) throw new ApiError('notFound', `Request couldn't be served: no route ${method} ${url.pathname}`);
    const caller = await options.identity.callerOf(request.headers.authorization);
    const unavailable = options.fault('bigquery.unavailable');
    if (unavailable) throw new ApiError('backendError', 'Error encountered during execution. Retrying may solve the problem.');
    const slow = options.fault('bigquery.slow');
    if (slow) await options.sleep(slow.delayMs);
    options.admit(caller, `${method} ${found.route.path}`);
    const rawBody = once(() => readBody(request, found.route.upload ? MAX_UPLOAD : MAX_JSON));
    const body = found.route.upload || method === 'GET' || method === 'DELETE' ? undefined : parseJson(await rawBody());
    const result = await found.route.handle({
      method,
      params: found.params,
      query: url.searchParams,
      body,
      caller,
      http: request,
      rawBody,
    });
    if (options.fault('bigquery.answer_lost')) return void request.socket.destroy();
    if (options.fault('bigquery.reset')) return void request.socket.resetAndDestroy();
    send(response, result, pretty);
  } catch (error) {
    send(response, asApiError(error, `${request.method} ${url.pathname}`, options.onBug), pretty);
  }
}

function asApiError(error: unknown, where: string, onBug: (where: string, error: unknown) => void): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Unauthenticated) return new ApiError('accessDenied', error.message, undefined, 401);
  onBug(where, error);
  return new ApiError('internalError', 'An internal error occurred and the request could not be completed.');
}

function route(routes: readonly Compiled[], method: string, path: string): { route: Compiled; params: Record<string, string> } | undefined {
  for (const candidate of routes) {
    if (candidate.method !== method) continue;
    const match = candidate.pattern.exec(path);
    if (!match) continue;
    try {
      return { route: candidate, params: Object.fromEntries(candidate.names.map((name, i) => [name, decodeURIComponent(match[i + 1]!)])) };
    } catch {
      throw new ApiError('badRequest', 'Bad Request: the path is not well formed');
    }
  }
  return undefined;
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

async function readBody(request: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= most) chunks.push(chunk);
    // Far beyond the limit there is no point in reading on to be able to answer.
    else if (size > 4 * most) request.destroy();
  });
  await new Promise<void>((resolve, reject) =>
    request
      .once('end', resolve)
      .once('error', reject)
      .once('close', () => reject(new Error('The client went away.'))),
  );
  if (size > most) throw new ApiError('badRequest', `Request payload size exceeds the limit: ${most} bytes.`, undefined, 413);
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (request.headers['content-encoding'] !== 'gzip' || bytes.length === 0) return bytes;
  try {
    return await unzip(bytes, { maxOutputLength: most });
  } catch {
    throw new ApiError('badRequest', 'Request body could not be decompressed.');
  }
}

function parseJson(bytes: Buffer): Json {
  if (bytes.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ApiError('parseError', 'Parse Error: the request body is not valid JSON.');
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new ApiError('parseError', 'Invalid JSON payload received. The root must be an object.');
  }
  checkShape(value as Record<string, unknown>);
  return value;
}

function send(response: ServerResponse, result: unknown, pretty: boolean): void {
  if (response.destroyed || response.headersSent) return;
  const reply =
    result instanceof Reply ? result : result instanceof ApiError ? new Reply(result.status, result.envelope()) : new Reply(200, result);
  if (reply.body === undefined) {
    response.writeHead(reply.status === 200 ? 204 : reply.status, reply.headers).end();
    return;
  }
  const text =
    reply.body instanceof JsonText ? reply.body.text : pretty ? `${JSON.stringify(reply.body, null, 2)}\n` : JSON.stringify(reply.body);
  const headers: Record<string, string | number> = { 'content-type': 'application/json; charset=UTF-8', ...reply.headers };
  const etag = !(reply.body instanceof JsonText) && (reply.body as { etag?: unknown }).etag;
  if (typeof etag === 'string') headers.etag = etag;
  headers['content-length'] = Buffer.byteLength(text);
  // A text leaves together with the head, in one write.
  response.writeHead(reply.status, headers).end(text);
}
