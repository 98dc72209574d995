/**
 * Several GETs of one service in one call. Each is answered as if it had come alone: its own token, its route's checks, its own refusal.
 *
 * Must not know: what is asked. 1. Only for routes that answer from memory: the call is answered when the slowest of them is.
 * 2. One that fails does not touch the others.
 */
import { Refusal } from '@convergence/contracts';
import Router from '@koa/router';
import Type, { type Static } from 'typebox';
import { mustFit, successStatus } from './app.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { TokenVerifier } from './principal-token.ts';
import { problemOf } from './problem.ts';
import { type Call, callOf, internalRoute, type Reply, type Route, shaped } from './route.ts';

export const TOGETHER_PATH = '/internal/together';
export const MOST_TOGETHER = 200;

const Asked = Type.Object({ path: Type.String(), token: Type.String(), request_id: Type.String() });
export const TogetherRequest = Type.Object({ asked: Type.Array(Asked, { minItems: 1, maxItems: MOST_TOGETHER }) });
export const TogetherResponse = Type.Object({
  answers: Type.Array(Type.Object({ status: Type.Integer(), body: Type.Optional(Type.Unknown()) })),
});
export type TogetherResponse = Static<typeof TogetherResponse>;
type Answer = TogetherResponse['answers'][number];

export interface TogetherOptions {
  readonly verifier: Pick<TokenVerifier, 'verifySigned'>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly validateResponses: boolean;
}

export function togetherRoute(routes: readonly Route[], options: TogetherOptions): Route {
  const router = new Router();
  const byLayer = new Map<unknown, Route>();
  for (const route of routes.filter(({ endpoint }) => endpoint.method === 'GET')) {
    byLayer.set(
      router.register(route.endpoint.path.replace(/\{(\w+)\}/g, ':$1'), ['GET'], () => undefined),
      route,
    );
  }

  return internalRoute(
    { method: 'POST', path: TOGETHER_PATH, callers: ['gateway'], body: TogetherRequest, response: TogetherResponse },
    async (outer) => ({ body: { answers: await Promise.all(outer.body.asked.map((one) => answer(outer, one))) } }),
  );

  async function answer(outer: Pick<Call, 'signal' | 'request'>, { path, token, request_id }: Static<typeof Asked>): Promise<Answer> {
    const started = performance.now();
    let route = '(none)';
    let answered: Answer;
    try {
      const { endpoint, handle, params, query } = found(path);
      route = endpoint.path;
      const identity = await options.verifier.verifySigned(token);
      if (endpoint.callers && !endpoint.callers.includes(identity.caller)) {
        throw new Refusal('auth.internal', `${identity.caller} may not call this.`);
      }
      const reply: Reply = await handle(
        callOf({
          given: shaped(endpoint, { params, query, body: undefined }),
          raw: Buffer.alloc(0),
          identity,
          requestId: request_id,
          log: options.log,
          signal: () => outer.signal,
          request: outer.request,
        }) as never,
      );
      if (options.validateResponses) mustFit(endpoint, reply.body);
      answered = { status: successStatus(endpoint, reply), body: reply.body };
    } catch (error) {
      const problem = problemOf(error, request_id);
      if (problem.unexpected) options.log.error({ err: error, request_id, method: 'GET', route }, 'request failed');
      answered = problem;
    }
    const { status, body } = answered;
    options.metrics.httpRequests.observe({ method: 'GET', route, status: String(status) }, (performance.now() - started) / 1000);
    return { status, ...(body !== undefined && { body }) };
  }

  function found(address: string) {
    const [path = '', query = ''] = address.split('?', 2);
    const layer = router.match(path, 'GET').pathAndMethod[0];
    const route = byLayer.get(layer);
    if (!layer || !route) throw new Refusal('request.unknown_path', `There is no ${path.slice(0, 200)}.`);
    return { ...route, params: layer.params(path, layer.captures(path)), query: new URLSearchParams(query) };
  }
}
