import { request } from 'node:http';
import type { Operation } from '@convergence/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { TSchema } from 'typebox';
import { ACME_KEY, ADMIN_KEY, type AskOptions, type GatewayUnderTest, pathOf, SERVED, startGateway } from './testing/gateway-under-test.ts';
import { sample, wrongBodies, wrongTexts } from './testing/sample.ts';

/** Input that is wrong in every way the schemas know, at every operation. */
let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway?.close());
beforeEach(() => {
  for (const owner of [gateway.tenants, gateway.scheduler, gateway.executor]) owner.asked.length = 0;
});
const credentials = ({ auth }: Operation): AskOptions =>
  auth === 'admin' ? { admin: ADMIN_KEY } : auth === 'tenant' || auth === 'tenant-only' ? { key: ACME_KEY } : {};
const asked = () =>
  [gateway.tenants, gateway.scheduler, gateway.executor].flatMap((owner) => owner.asked).filter(({ path }) => path.startsWith('/api/'));
const named = (operations: readonly Operation[]) =>
  operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const);
const withBody = SERVED.filter(({ body, auth }) => body && auth !== 'signature');

describe('bodies', () => {
  test.each(named(withBody))('%s refuses every field that is wrong and names it', async (_, operation) => {
    for (const { path, body } of wrongBodies(operation.body!)) {
      const answered = await gateway.ask(operation.method, pathOf(operation), { ...credentials(operation), body });
      expect({ body, status: answered.status }).toEqual({ body, status: 400 });
      expect(answered.body.code).toBe('request.invalid');
      expect(answered.body.errors.some((error: { path: string }) => error.path === path || error.path.startsWith(`${path}/`))).toBe(true);
    }
    expect(asked()).toEqual([]);
  });

  test('all field errors come at once', async () => {
    const body = { tenant_id: 'Acme', company_name: '', admin_email: 'nobody', subscription_plan: 'GOLD', extra: 1 };
    const answered = await gateway.ask('POST', '/api/v1/tenants/onboard', { body });
    expect(answered.status).toBe(400);
    expect([...new Set(answered.body.errors.map((error: { path: string }) => error.path))].sort()).toEqual([
      '/admin_email',
      '/company_name',
      '/extra',
      '/subscription_plan',
      '/tenant_id',
    ]);
  });

  test.each(named(withBody.filter(({ bodyOptional }) => !bodyOptional)))('%s refuses what is no object', async (_, operation) => {
    for (const body of ['[]', '"text"', '1', 'null', 'true']) {
      const answered = await gateway.ask(operation.method, pathOf(operation), { ...credentials(operation), body });
      expect({ body, status: answered.status }).toEqual({ body, status: 400 });
    }
    expect((await gateway.ask(operation.method, pathOf(operation), credentials(operation))).status).toBe(400);
    expect(asked()).toEqual([]);
  });

  const onboard = (body: string, headers: Record<string, string> = {}) =>
    gateway.ask('POST', '/api/v1/tenants/onboard', { body, headers: { 'content-type': 'application/json', ...headers } });

  test.each([
    '{',
    '{"a":1,}',
    "{'a':1}",
    '{"tenant_id":"a"',
    'NaN',
    '{"__proto__":{"admin":true}}',
    '\u0000',
    '{"\\u005f_proto__":{"admin":true}}',
    '{"company_name":"\\ud800"}',
    '{"\\udc00":1}',
  ])('%j is malformed', async (body) => {
    expect(await onboard(body)).toMatchObject({ status: 400, body: { code: 'request.malformed' } });
  });

  test.each(['a\u0000b', '\u001b', 'Acme\r\nBcc: x@y.example', '   ', '\u007f'])('%j is no name of a company', async (company_name) => {
    const answered = await onboard(JSON.stringify({ tenant_id: 'acme_corp', company_name, admin_email: 'a@acme.example' }));
    expect(answered).toMatchObject({ status: 400, body: { errors: [{ path: '/company_name' }] } });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'text/json'])(
    '%s is not JSON',
    async (type) => {
      expect(await onboard('{}', { 'content-type': type })).toMatchObject({ status: 415, body: { code: 'request.not_json' } });
    },
  );

  test('a compressed body is refused, not inflated', async () => {
    expect((await onboard('{}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  test.each([1, null, {}, '', 'x'.repeat(129)])('who asked for a run is no %j', async (trigger_by) => {
    const path = '/api/v1/pipelines/run/acme_corp/gcp/example/dryrun';
    const answered = await gateway.ask('POST', path, { key: ACME_KEY, body: { trigger_by } });
    expect(answered).toMatchObject({ status: 400, body: { errors: [{ path: '/trigger_by' }] } });
  });

  test('more than a megabyte is refused, announced or not', async () => {
    const big = `{"company_name":"${'x'.repeat(1024 * 1024)}"}`;
    expect(await onboard(big)).toMatchObject({ status: 413, body: { code: 'request.too_large' } });
    expect(await chunked(gateway.url, big)).toBe(413);
  });

  test.each(named(withBody))('%s refuses a body that is deeply nested, also where anything may stand', async (name, operation) => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}"]}"${'}'.repeat(levels)}`;
    const [body, headers] = [`{"options":${deep(50_000)}}`, { 'content-type': 'application/json' }];
    for (const more of [{}, { 'idempotency-key': `deep ${name}`.replace(/\W/g, '-') }]) {
      const answered = await gateway.ask(operation.method, pathOf(operation), {
        ...credentials(operation),
        body,
        headers: { ...headers, ...more },
      });
      expect(answered).toMatchObject({ status: 400, body: { code: 'request.malformed' } });
    }
    expect((await gateway.ask('GET', '/healthz')).status).toBe(200);
  });

  test('brackets in texts are no nesting', async () => {
    const body = { provider: 'GCP', domain: 'COST', options: { text: '[{"\\'.repeat(500) } };
    expect((await gateway.ask('POST', '/api/v1/tenants/acme_corp/provider-configs', { key: ACME_KEY, body })).status).toBe(200);
  });
});

describe('paths and queries', () => {
  test.each(named(SERVED))('%s refuses wrong query values and unknown names', async (_, operation) => {
    const { properties = {} } = (operation.query ?? {}) as { properties?: Record<string, TSchema> };
    const wrong = Object.entries(properties).flatMap(([name, schema]) => wrongTexts(schema).map((text) => [name, text] as const));
    for (const [name, text] of [...wrong, ['no_such_query', '1'] as const]) {
      const path = `${pathOf(operation)}?${new URLSearchParams({ [name]: text })}`;
      const answered = await gateway.ask(operation.method, path, credentials(operation));
      expect({ name, text: text.slice(0, 50), status: answered.status }).toEqual({ name, text: text.slice(0, 50), status: 400 });
    }
    expect(asked()).toEqual([]);
  });

  test.each(['/api/v1/tenants/acme_corp/quota', '/API/V1/Tenants/acme_corp/quota'])('what %s answers is kept by nobody', async (path) => {
    const { status, headers } = await gateway.ask('GET', path, { key: ACME_KEY });
    expect({ status, kept: headers.get('cache-control') }).toEqual({ status: 200, kept: 'no-store' });
  });

  test('a query name given twice has no one meaning', async () => {
    expect((await gateway.ask('GET', '/api/v1/tenants?limit=1&limit=2', { admin: ADMIN_KEY })).status).toBe(400);
  });

  test.each([
    'Acme',
    'ab',
    'a'.repeat(51),
    'a-b',
    '1abc',
    'аcme_corp',
    'acme corp',
    'acme\u0000',
    'acme\n',
    '𝕒cme_corp',
    'acme_corp\u200b',
  ])('an operator asking for tenant %j is told what is wrong with the id', async (tenant) => {
    const answered = await gateway.ask('GET', `/api/v1/tenants/${encodeURIComponent(tenant)}`, { admin: ADMIN_KEY });
    expect(answered).toMatchObject({ status: 400, body: { code: 'request.invalid', errors: [{ in: 'path', path: '/tenant_id' }] } });
    expect(asked()).toEqual([]);
  });

  test('a path that is no valid URI encoding is refused', async () => {
    expect((await gateway.ask('GET', '/api/v1/tenants/%E0%A4%A', { admin: ADMIN_KEY })).status).toBe(400);
  });

  test('what was checked is what is forwarded: other encodings, dots and queries do not get through', async () => {
    await gateway.ask('GET', '/api/v1/tenants/acme_corp/%61pi-keys?limit=10', { key: ACME_KEY });
    for (const { path } of asked()) expect(path).toBe('/api/v1/tenants/acme_corp/api-keys?limit=10');
    gateway.tenants.asked.length = 0;
    const key = encodeURIComponent('../../globex/api-keys/key-1?x=#');
    await gateway.ask('DELETE', `/api/v1/tenants/acme_corp/api-keys/${key}`, { key: ACME_KEY });
    expect(asked().map(({ path }) => path)).toEqual([`/api/v1/tenants/acme_corp/api-keys/${key}`]);
  });
});

describe('headers', () => {
  test.each(['x'.repeat(129), 'a b', 'a;b', 'é'])('the user id %j is refused', async (user) => {
    const answered = await gateway.ask('GET', '/api/v1/tenants/acme_corp/quota', {
      key: ACME_KEY,
      headers: { 'x-user-id': Buffer.from(user).toString('latin1') },
    });
    expect(answered).toMatchObject({ status: 400, body: { errors: [{ path: '/x-user-id' }] } });
  });

  test('a principal can not be brought along', async () => {
    const forged = Buffer.from(JSON.stringify({ principal: { kind: 'admin' } })).toString('base64url');
    const headers = { 'x-principal-token': `e30.${forged}.x`, 'x-tenant-id': 'globex', 'x-forwarded-user': 'root' };
    await gateway.ask('GET', '/api/v1/tenants/acme_corp/quota', { key: ACME_KEY, headers });
    expect(asked()[0]).toMatchObject({ principal: { kind: 'tenant', tenantId: 'acme_corp' } });
    expect(asked()[0]?.headers).not.toHaveProperty('x-tenant-id');
  });

  test('a request id that is harmless is kept, another is replaced', async () => {
    const ask = async (id: string) =>
      (await gateway.ask('GET', '/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await ask('order-12345')).toBe('order-12345');
    expect(await ask('<script>alert(1)</script>')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a key given twice is no key', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'x-api-key': [ACME_KEY, ACME_KEY] };
      request(`${gateway.url}/api/v1/tenants/acme_corp/quota`, { headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });

  test('headers of absurd size are refused before anything reads them', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'x-api-key': 'x'.repeat(64 * 1024) };
      request(`${gateway.url}/api/v1/tenants/acme_corp/quota`, { headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(431);
  });
});

describe('every operation, asked rightly', () => {
  test.each(named(SERVED.filter(({ owner, responseType }) => owner !== 'gateway' && responseType !== 'text/event-stream')))(
    '%s is forwarded as it was asked and answered as it is declared',
    async (_, operation) => {
      const body = operation.body ? { body: sample(operation.body) } : {};
      const { status } = await gateway.ask(operation.method, pathOf(operation), { ...credentials(operation), ...body });
      expect(status).toBe(operation.successStatus ?? 200);
      expect(asked()).toHaveLength(1);
    },
  );
});

function chunked(url: string, body: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/api/v1/tenants/onboard`,
      { method: 'POST', headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' } },
      (response) => resolve(response.resume().statusCode),
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
