import cors from '@koa/cors';
import type { Middleware } from 'koa';
import helmet from 'koa-helmet';

/** Headers of every answer: what browsers may do with it, and which other origins may read it. */
const EXPOSED = ['RateLimit', 'RateLimit-Policy', 'Retry-After', 'X-Request-Id', 'Idempotency-Replayed'];
const ALLOWED = [
  'Content-Type',
  'X-API-Key',
  'X-User-ID',
  'X-Admin-Key',
  'Authorization',
  'Idempotency-Key',
  'X-Confirm',
  'Last-Event-ID',
  'traceparent',
];

/** They are the same on every answer, so helmet is asked once. */
export function securityHeaders(): Middleware {
  const headers = new Map<string, string>();
  const response = { setHeader: (name: string, value: string) => headers.set(name, value), removeHeader: () => undefined };
  void askHelmet()({ req: {}, res: response } as never, () => Promise.resolve());
  if (headers.size === 0) throw new Error('helmet gave no headers');
  return (ctx, next) => {
    ctx.res.setHeaders(headers);
    return next();
  };
}

function askHelmet(): Middleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  }) as Middleware;
}

/** Without origins no other origin may read; there are no cookies, so nothing is sent along either. */
export function crossOrigin(origins: readonly string[]): Middleware {
  return cors({
    origin: (ctx) => {
      const origin = ctx.get('Origin');
      if (origins.includes('*')) return '*';
      return origins.includes(origin) ? origin : '';
    },
    allowMethods: 'GET,POST,PATCH,DELETE',
    allowHeaders: ALLOWED,
    exposeHeaders: EXPOSED,
    maxAge: 600,
  });
}

/** API answers are somebody's own: nobody between keeps them. Routes do not look at the case of a path either. */
export const notStored: Middleware = async (ctx, next) => {
  if (/^\/api\//i.test(ctx.path)) ctx.set('Cache-Control', 'no-store');
  await next();
};
