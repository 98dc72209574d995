/**
 * /healthz: the process lives. /readyz: it can do its work, or which of its dependencies it waits for. /metrics.
 * 1. Not ready before start-up is done and from the first moment of draining. 2. A check that hangs counts as failed. 3. Where everybody can
 * ask, the answer names what is waited for, and the log alone says why: addresses and names of what is behind are nobody's business.
 */
import type { Middleware } from 'koa';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Resolves when the dependency works; its error's message says why not. */
export type ReadyCheck = () => Promise<unknown> | unknown;
export type Phase = 'starting' | 'serving' | 'draining';

export interface Readiness {
  phase: Phase;
  readonly checks: Map<string, ReadyCheck>;
}

const CHECK_MS = 2000;

export async function readiness(state: Readiness): Promise<{ ready: boolean; body: Record<string, unknown> }> {
  const results = await Promise.all(
    [...state.checks].map(async ([name, check]) => {
      const started = performance.now();
      try {
        await within(CHECK_MS, Promise.resolve(check()));
        return [name, { ready: true, ms: Math.round(performance.now() - started) }] as const;
      } catch (error) {
        return [name, { ready: false, reason: (error as Error).message.slice(0, 200) }] as const;
      }
    }),
  );
  const ready = state.phase === 'serving' && results.every(([, result]) => result.ready);
  const waiting = results.filter(([, result]) => !result.ready).map(([name]) => name);
  return { ready, body: { ready, phase: state.phase, waiting_for: waiting, checks: Object.fromEntries(results) } };
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** `door`: the log of a service that everybody can ask. */
export function healthEndpoints(state: Readiness, metrics: Metrics, door?: Log): Middleware {
  return async (ctx, next) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    if (ctx.path === '/healthz') {
      ctx.body = { status: 'ok' };
    } else if (ctx.path === '/readyz') {
      const { ready, body } = await readiness(state);
      ctx.status = ready ? 200 : 503;
      const { checks, ...told } = body;
      if (door && !ready) door.warn({ checks }, 'not ready');
      ctx.body = door ? told : body;
    } else if (ctx.path === '/metrics') {
      ctx.type = metrics.registry.contentType;
      ctx.body = await metrics.registry.metrics();
    } else {
      return next();
    }
    ctx.state.route = ctx.path;
  };
}
