/**
 * The Koa application of a service: its routes behind one edge.
 *
 * Does not know: how a caller proves who it is (`authenticate`), nor when the process stops (run.ts).
 * 1. Every answer carries X-Request-Id; every error is a problem document. 2. Authentication comes before the body is read.
 * 3. A route's name in metrics and spans is its declared path, never the concrete one.
 */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { misfits, Refusal } from '@convergence/contracts';
import Router, { type RouterContext } from '@koa/router';
import { SpanStatusCode } from '@opentelemetry/api';
import Koa, { type Middleware } from 'koa';
import { refuseMisfits } from './bad-http.ts';
import { readJsonBody } from './body.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { problemOf } from './problem.ts';
import { requestId } from './request-id.ts';
import { callOf, type Endpoint, type Identity, JsonText, type Reply, type Route, shaped } from './route.ts';
import { incomingContext, inSpan } from './trace.ts';

/** Throws a Refusal for whom it does not let in. */
export type Authenticate = (ctx: RouterContext, endpoint: Endpoint) => Promise<Identity>;

export interface AppOptions {
  readonly routes: readonly Route[];
  readonly authenticate: Authenticate;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Before the routes: CORS, security headers, pages that are no API. */
  readonly middleware?: readonly Middleware[];
  /** Between authentication and body, for a route: rate limits. Throws a Refusal or sets headers. */
  readonly admit?: (ctx: RouterContext, endpoint: Endpoint, identity: Identity) => Promise<void> | void;
  /** Checks answers against their schemas too; an answer that lies becomes a 500. For tests and laptops. */
  readonly validateResponses?: boolean;
  readonly bodyLimit?: number;
}

export function createApp(options: AppOptions): Koa {
  const app = new Koa();
  app.silent = true;
  app.use(edge(options));
  app.use(refuseMisfits);
  for (const middleware of options.middleware ?? []) app.use(middleware);
  const router = new Router();
  for (const served of options.routes) {
    const path = served.endpoint.path.replace(/\{(\w+)\}/g, ':$1');
    router.register(path, [served.endpoint.method], serve(served, options));
  }
  app.use(router.routes());
  app.use(notFound(router));
  return app;
}

/** The outermost layer: request id, span, problem documents, metrics, one log line for what changed or failed. */
function edge({ log, metrics }: AppOptions): Middleware {
  return async (ctx, next) => {
    const started = performance.now();
    const id = requestId(ctx.get('x-request-id'));
    ctx.state.requestId = id;
    ctx.set('X-Request-Id', id);
    await inSpan(`HTTP ${ctx.method}`, { kind: 'server', parent: incomingContext(ctx.headers) }, async (span) => {
      try {
        await next();
      } catch (error) {
        const problem = problemOf(error, id);
        if (problem.unexpected && !clientLeft(ctx))
          log.error({ err: error, request_id: id, method: ctx.method, route: ctx.state.route }, 'request failed');
        else if (problem.status >= 500) log.warn({ err: error, request_id: id }, 'request could not be served');
        if (ctx.headerSent) return void ctx.res.destroy();
        ctx.status = problem.status;
        ctx.body = problem.body;
        ctx.type = 'application/problem+json';
        if (problem.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(Math.ceil(problem.retryAfterSeconds)));
        // What was not read of a refused body would be taken for the next request.
        if (!ctx.req.complete) ctx.set('Connection', 'close');
      }
      const route = (ctx.state.route as string | undefined) ?? '(none)';
      span.updateName(`${ctx.method} ${route}`);
      span.setAttributes({ 'http.request.method': ctx.method, 'http.route': route, 'http.response.status_code': ctx.status });
      if (ctx.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      const seconds = (performance.now() - started) / 1000;
      metrics.httpRequests.observe({ method: ctx.method, route, status: String(ctx.status) }, seconds);
      const line = { request_id: id, method: ctx.method, route, status: ctx.status, ms: Math.round(seconds * 1000) };
      if (ctx.method === 'GET' || ctx.method === 'HEAD') log.debug(line, 'request');
      else log.info({ ...line, ...who(ctx.state.identity) }, 'request');
    });
  };
}

function who(identity: Identity | undefined): Record<string, string> {
  const principal = identity?.principal;
  return {
    ...(principal && { principal: principal.kind }),
    ...(principal?.kind === 'tenant' && { tenant_id: principal.tenantId }),
    ...(principal && 'userId' in principal && principal.userId && { user_id: principal.userId }),
    ...(identity?.caller && { caller: identity.caller }),
  };
}

const clientLeft = (ctx: Koa.Context): boolean => ctx.req.destroyed && !ctx.req.complete;

function serve({ endpoint, handle }: Route, options: AppOptions): (ctx: RouterContext) => Promise<void> {
  return async (ctx) => {
    ctx.state.route = endpoint.path;
    const identity = await options.authenticate(ctx, endpoint);
    ctx.state.identity = identity;
    await options.admit?.(ctx, endpoint, identity);
    const body =
      endpoint.body || endpoint.method !== 'GET'
        ? await readJsonBody(ctx.req, options.bodyLimit)
        : { raw: Buffer.alloc(0), json: undefined };
    const call = callOf({
      given: shaped(endpoint, { params: ctx.params ?? {}, query: new URLSearchParams(ctx.querystring), body: body.json }),
      raw: body.raw,
      identity,
      requestId: ctx.state.requestId as string,
      log: options.log,
      signal: () => goneSignal(ctx.res),
      request: ctx.req,
    });
    const reply = await handle(call as never);
    for (const [name, value] of Object.entries(reply.headers ?? {})) ctx.set(name, value);
    ctx.status = successStatus(endpoint, reply);
    if (reply.body === undefined) return;
    if (options.validateResponses && ctx.status < 300) mustFit(endpoint, reply.body);
    if (reply.body instanceof JsonText) ctx.type = 'json';
    ctx.body = reply.body instanceof JsonText ? reply.body.text : reply.body;
  };
}

export const successStatus = (endpoint: Endpoint, { status, body }: Reply): number =>
  status ?? endpoint.successStatus ?? (body === undefined ? 204 : 200);

/** Aborted when the client goes before its answer. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed && !response.writableFinished) gone.abort();
  response.once('close', () => !response.writableFinished && gone.abort());
  return gone.signal;
}

export function mustFit(endpoint: Endpoint, body: unknown): void {
  if (!endpoint.response || body instanceof Readable || body instanceof JsonText) return;
  const errors = misfits(endpoint.response, body);
  if (errors.length > 0)
    throw new Error(`${endpoint.method} ${endpoint.path} answered what it does not declare: ${JSON.stringify(errors)}`);
}

function notFound(router: Router): Middleware {
  return (ctx) => {
    const methods = [...new Set(router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods))];
    if (methods.length > 0) {
      ctx.set('Allow', methods.join(', '));
      if (ctx.method === 'OPTIONS') {
        ctx.status = 204;
        return;
      }
      throw new Refusal('request.method_not_allowed', `${ctx.path} takes ${methods.join(', ')}.`);
    }
    throw new Refusal('request.unknown_path', `There is no ${ctx.path.slice(0, 200)}.`);
  };
}
