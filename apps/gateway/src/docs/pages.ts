import { readFileSync } from 'node:fs';
import { Refusal } from '@convergence/contracts';
import type { Middleware } from 'koa';

/** `/openapi.json` and the pages under `/docs` that render it. All files are ours: nothing is fetched from elsewhere. */
const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' } as const;
const page = (name: string, type: keyof typeof TYPES) => ({
  body: readFileSync(new URL(`./${name}.${type}`, import.meta.url)),
  type: TYPES[type],
});

export function docsPages(openapi: object): Middleware {
  const files = new Map([
    ['/openapi.json', { body: Buffer.from(JSON.stringify(openapi)), type: 'application/json; charset=utf-8' }],
    ['/docs', page('docs', 'html')],
    ['/docs/docs.css', page('docs', 'css')],
    ['/docs/docs.js', page('docs', 'js')],
  ]);
  return async (ctx, next) => {
    const file = files.get(ctx.path.length > 1 ? ctx.path.replace(/\/$/, '') : ctx.path);
    if (!file) return next();
    ctx.state.route = ctx.path;
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('Allow', 'GET, HEAD');
      throw new Refusal('request.method_not_allowed', `${ctx.path} takes GET.`);
    }
    ctx.type = file.type;
    ctx.set('Cache-Control', 'no-cache');
    ctx.body = file.body;
  };
}
