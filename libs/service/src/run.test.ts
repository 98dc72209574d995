import { request } from 'node:http';
import { Refusal, Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import Type from 'typebox';
import { baseFields } from './base-config.ts';
import { internalClient } from './internal-client.ts';
import { TokenSigner } from './principal-token.ts';
import { internalRoute, type Route, route } from './route.ts';
import { type Built, startService } from './run.ts';

const KEY = 'test-signing-key-of-enough-length!!!!';
const env = {
  PORT: '0',
  HOST: '127.0.0.1',
  LOG_LEVEL: 'silent',
  INTERNAL_SIGNING_KEY: KEY,
  PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
  BIGQUERY_EMULATOR_HOST: '127.0.0.1:1',
  BIGQUERY_STORAGE_EMULATOR_HOST: '127.0.0.1:1',
  KMS_EMULATOR_HOST: '127.0.0.1:1',
};
const open = async () => ({ principal: { kind: 'anonymous' } as const });

async function serve(built: Built, more: Record<string, string> = {}) {
  const service = await startService({ name: 'tenant-service', fields: baseFields(8081), env: { ...env, ...more }, build: () => built });
  return { service, url: `http://127.0.0.1:${service.port}` };
}

const echo = route(
  { method: 'POST', path: '/echo', body: Type.Object({ a: Type.Integer() }), response: Type.Object({ a: Type.Integer() }) },
  ({ body }) => ({
    body: { a: body.a },
  }),
);
const json = (body: string, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body,
});

describe('the HTTP edge', () => {
  test('refuses each bad request with its own problem document', async () => {
    const boom = route({ method: 'GET', path: '/boom' }, () => {
      throw new Error('the password is swordfish');
    });
    const busy = route({ method: 'GET', path: '/busy' }, () => {
      throw new Transient('The owner moves.', { code: 'owner.changing', retryAfterSeconds: 2 });
    });
    const lies = route({ method: 'GET', path: '/lies', response: Type.Object({ a: Type.Integer() }) }, () => ({
      body: { a: 'x' } as never,
    }));
    const { service, url } = await serve({ routes: [echo, boom, busy, lies], authenticate: open });
    const cases: [string, RequestInit, number, string][] = [
      ['/echo', json('{"a":1}'), 200, ''],
      ['/echo', json('{"a":"x"}'), 400, 'request.invalid'],
      ['/echo', json('{"a":'), 400, 'request.malformed'],
      ['/echo', json('{"__proto__":{"a":1}}'), 400, 'request.malformed'],
      [
        '/echo',
        { method: 'POST', body: new Uint8Array([0x22, 0xff, 0x22]), headers: { 'content-type': 'application/json' } },
        400,
        'request.malformed',
      ],
      ['/echo', { method: 'POST', body: 'a=1', headers: { 'content-type': 'text/plain' } }, 415, 'request.not_json'],
      ['/echo', json('{}', { 'content-encoding': 'gzip' }), 415, 'request.not_json'],
      ['/echo', json(`{"a":1,"b":"${'x'.repeat(1024 * 1024)}"}`), 413, 'request.too_large'],
      ['/echo', { method: 'DELETE' }, 405, 'request.method_not_allowed'],
      ['/nowhere', {}, 404, 'request.unknown_path'],
      ['/busy', {}, 503, 'owner.changing'],
      ['/boom', {}, 500, 'internal.unexpected'],
      ['/lies', {}, 500, 'internal.unexpected'],
    ];
    for (const [path, init, status, code] of cases) {
      const response = await fetch(url + path, init);
      const text = await response.text();
      expect(`${path} ${response.status} ${JSON.parse(text).code ?? ''}`).toBe(`${path} ${status} ${code}`);
      expect(response.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
      if (status >= 400) expect(response.headers.get('content-type')).toContain('application/problem+json');
      if (status === 503) expect(response.headers.get('retry-after')).toBe('2');
      expect(text).not.toContain('swordfish');
    }
    await service.stop();
  });

  test('a body without Content-Length is cut off at the limit', async () => {
    const { service, url } = await serve({ routes: [echo], authenticate: open });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(`${url}/echo`, { method: 'POST', headers: { 'content-type': 'application/json' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      outgoing.on('error', reject);
      const block = Buffer.alloc(256 * 1024, 'x');
      for (let i = 0; i < 5; i++) outgoing.write(block);
    });
    expect(status).toBe(413);
    await service.stop();
  });

  test('metrics count requests by declared path', async () => {
    const { service, url } = await serve({ routes: [route({ method: 'GET', path: '/t/{id}' }, () => ({ body: {} }))], authenticate: open });
    await (await fetch(`${url}/t/acme_secret_tenant`)).text();
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain('http_request_duration_seconds_count{service="tenant-service",method="GET",route="/t/{id}",status="200"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('acme_secret_tenant');
    await service.stop();
  });
});

describe('calls between services', () => {
  const client = (url: string, name: 'gateway' | 'executor-service' = 'gateway') =>
    internalClient({
      target: 'tenant-service',
      baseUrl: url,
      signer: new TokenSigner(name, { keys: [KEY] }),
      attempts: 3,
      timeoutMs: 2000,
    });
  const principal = { kind: 'admin' } as const;

  test('a named caller gets in, another service and a stranger do not', async () => {
    const admit = internalRoute({ method: 'POST', path: '/internal/x', callers: ['gateway'] }, ({ principal: who, caller }) => ({
      body: { who: who.kind, caller },
    }));
    const { service, url } = await serve({ routes: [admit] });
    const call = { method: 'POST', path: '/internal/x', principal, body: {} } as const;
    expect(await client(url).call(call)).toEqual({ who: 'admin', caller: 'gateway' });
    await expect(client(url, 'executor-service').call(call)).rejects.toMatchObject({
      name: 'Error',
      message: 'tenant-service answered 401 auth.internal: executor-service may not call this.',
    });
    expect((await fetch(`${url}/internal/x`, { method: 'POST' })).status).toBe(401);
    await service.stop();
  });

  test('a Refusal there is the same Refusal here; a 503 is tried again when it may be, else Transient', async () => {
    let asked = 0;
    const flaky: Route = route({ method: 'GET', path: '/flaky' }, () => {
      asked++;
      if (asked < 3) throw new Transient('moving', { code: 'owner.changing' });
      return { body: { asked } };
    });
    const never = route({ method: 'POST', path: '/never' }, () => {
      asked++;
      throw new Transient('moving', { code: 'owner.changing' });
    });
    const no = route({ method: 'GET', path: '/no' }, () => {
      throw new Refusal('quota.daily_exceeded', 'Used 6/6', { fields: { limit: 6 }, retryAfterSeconds: 77 });
    });
    const { service, url } = await serve({ routes: [flaky, never, no] });
    expect(await client(url).call({ method: 'GET', path: '/flaky', principal })).toEqual({ asked: 3 });
    asked = 0;
    const failed = client(url).call({ method: 'POST', path: '/never', principal, body: {} });
    await expect(failed).rejects.toMatchObject({ name: 'Transient', code: 'owner.changing' });
    expect(asked).toBe(1);
    const refused = client(url).call({ method: 'GET', path: '/no', principal });
    await expect(refused).rejects.toMatchObject({
      name: 'Refusal',
      code: 'quota.daily_exceeded',
      message: 'Used 6/6',
      fields: { limit: 6 },
      retryAfterSeconds: 77,
    });
    await service.stop();
    await expect(client(url).call({ method: 'GET', path: '/no', principal })).rejects.toMatchObject({ name: 'Transient' });
  });

  test('a deadline holds even when the answer stops half way', async () => {
    const slow = route({ method: 'GET', path: '/slow' }, () => new Promise(() => {}));
    const { service, url } = await serve({ routes: [slow] }, { DRAIN_SECONDS: '0.05' });
    await expect(client(url).call({ method: 'GET', path: '/slow', principal, timeoutMs: 100 })).rejects.toMatchObject({
      name: 'Transient',
    });
    await service.stop();
  });
});

describe('the life of a service', () => {
  test('healthy while it is built, and /readyz names what that waits for until it is done', async () => {
    let finish = () => {};
    let port = 0;
    const starting = startService(
      {
        name: 'tenant-service',
        fields: baseFields(8081),
        env,
        build: async ({ waitingFor }) => {
          waitingFor('journal', 'the slice is being recovered');
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          return { routes: [], authenticate: open };
        },
      },
      { onListen: (service) => (port = service.port) },
    );
    while (port === 0) await new Promise((resolve) => setImmediate(resolve));
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const recovering = await fetch(`${url}/readyz`);
    expect(recovering.status).toBe(503);
    expect(await recovering.json()).toMatchObject({
      waiting_for: ['journal'],
      checks: { journal: { reason: 'the slice is being recovered' } },
    });
    finish();
    const service = await starting;
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true, waiting_for: [] });
    await service.stop();
  });

  test('healthy at once, ready only after start, and /readyz names what it waits for', async () => {
    let up = false;
    let finish = () => {};
    const started = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const built: Built = {
      routes: [echo],
      authenticate: open,
      ready: {
        'Pub/Sub': () => {
          if (!up) throw new Error('connection refused');
        },
        BigQuery: () => {},
      },
      start: () => started,
    };
    let port = 0;
    const starting = startService(
      { name: 'tenant-service', fields: baseFields(8081), env, build: () => built },
      { onListen: (service) => (port = service.port) },
    );
    while (port === 0) await new Promise((resolve) => setImmediate(resolve));
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/echo`, json('{"a":1}'))).status).toBe(503);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: false, phase: 'starting' });
    finish();
    const service = await starting;
    const waiting = await fetch(`${url}/readyz`);
    expect(waiting.status).toBe(503);
    expect(await waiting.json()).toMatchObject({
      waiting_for: ['Pub/Sub'],
      checks: { 'Pub/Sub': { reason: 'connection refused' }, BigQuery: { ready: true } },
    });
    up = true;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    await service.stop();
  });

  test('where everybody can ask, /readyz names what it waits for, and not why', async () => {
    const ready = {
      'Pub/Sub': () => {
        throw new Error('connect ECONNREFUSED 10.1.2.3:8085');
      },
    };
    const build = () => ({ authenticate: open, ready });
    const service = await startService({ name: 'gateway', fields: baseFields(8080), env, door: true, build });
    const answer = await fetch(`http://127.0.0.1:${service.port}/readyz`);
    await service.stop();
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ready: false, phase: 'serving', waiting_for: ['Pub/Sub'] });
  });

  test('draining finishes the request in hand, then runs the stop hooks last to first, and exits 0', async () => {
    const steps: string[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let inHand = () => {};
    const arrived = new Promise<void>((resolve) => {
      inHand = resolve;
    });
    const slow = route({ method: 'GET', path: '/slow' }, async () => {
      inHand();
      await held;
      steps.push('answered');
      return { body: { done: true } };
    });
    const { service, url } = await serve({
      routes: [slow],
      authenticate: open,
      stop: [() => void steps.push('close client'), () => void steps.push('flush buffer')],
    });
    const answer = fetch(`${url}/slow`);
    await arrived;
    const stopped = service.stop();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    expect(steps).toEqual([]);
    release();
    expect(await (await answer).json()).toEqual({ done: true });
    expect(await stopped).toBe(0);
    expect(steps).toEqual(['answered', 'flush buffer', 'close client']);
  });

  test('work that does not end in time is cut off and the exit code says so', async () => {
    const stuck = route({ method: 'GET', path: '/stuck' }, () => new Promise(() => {}));
    const { service, url } = await serve({ routes: [stuck], authenticate: open }, { DRAIN_SECONDS: '0.05' });
    const answer = fetch(`${url}/stuck`).catch(() => 'cut');
    while ((await fetch(`${url}/metrics`)).status !== 200);
    expect(await service.stop()).toBe(1);
    expect(await answer).toBe('cut');
  });
});
