import type { Operation } from '@convergence/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ACME_KEY, ADMIN_KEY, type GatewayUnderTest, pathOf, SERVED, startGateway } from './testing/gateway-under-test.ts';
import { sample } from './testing/sample.ts';

/** Over every operation that is served, so that a new one can not be forgotten. */
let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
  gateway.keys.set('scopeless', { api_key_id: 'key-2', tenant_id: 'acme_corp', scopes: [], expires_at: null, tenant_status: 'ACTIVE' });
  gateway.keys.set('globex-key', { api_key_id: 'key-3', tenant_id: 'globex', scopes: [], expires_at: null, tenant_status: 'ACTIVE' });
  for (const status of ['SUSPENDED', 'CANCELLED'] as const) {
    gateway.keys.set(status, {
      api_key_id: status,
      tenant_id: 'acme_corp',
      scopes: ['tenant:read'],
      expires_at: null,
      tenant_status: status,
    });
  }
  gateway.keys.set('expired', {
    api_key_id: 'key-4',
    tenant_id: 'acme_corp',
    scopes: ['tenant:read'],
    expires_at: '2020-01-01T00:00:00Z',
    tenant_status: 'ACTIVE',
  });
});
afterAll(() => gateway?.close());
beforeEach(() => {
  for (const owner of [gateway.tenants, gateway.scheduler, gateway.executor]) owner.asked.length = 0;
});

const each = (chosen: (operation: Operation) => boolean) =>
  SERVED.filter(chosen).map((operation) => [`${operation.method} ${operation.path}`, operation] as const);
const tenantField = (operation: Operation): 'tenant_id' | 'customer_id' =>
  operation.path.includes('{customer_id}') ? 'customer_id' : 'tenant_id';
const namesTenant = ({ path }: Operation) => /\{(tenant|customer)_id\}/.test(path);
const byTenant = ({ auth }: Operation) => auth === 'tenant' || auth === 'tenant-only';
const bodyOf = ({ body, method }: Operation) => (body && method !== 'GET' ? { body: sample(body) } : {});
const reachedOwner = () =>
  [gateway.tenants, gateway.scheduler, gateway.executor]
    .flatMap((owner) => owner.asked)
    .filter(({ path }) => !path.startsWith('/internal/api-keys/'));

describe('every operation that names a tenant', () => {
  test.each(each((operation) => namesTenant(operation) && operation.auth !== 'open'))(
    "%s refuses another tenant's key",
    async (_, operation) => {
      const path = pathOf(operation, { [tenantField(operation)]: 'globex' });
      const { status, body } = await gateway.ask(operation.method, path, { key: ACME_KEY, ...bodyOf(operation) });
      expect(status).toBe(403);
      expect(['auth.other_tenant', 'auth.invalid_admin_key']).toContain(body.code);
      expect(reachedOwner()).toEqual([]);
    },
  );

  test.each([
    'globex',
    'ACME_CORP',
    'acme_corp%00',
    'acme_corp%20',
    '%D0%B0cme_corp',
    'acme_corp;x',
    '..%2Fglobex',
    'acme_corp%0d%0aX-Admin-Key:%20x',
  ])('a path that names %s is not acme_corp', async (tenant) => {
    const { status } = await gateway.ask('GET', `/api/v1/tenants/${tenant}/quota`, { key: ACME_KEY });
    expect(status).toBe(403);
    expect(reachedOwner()).toEqual([]);
  });
});

describe('every operation of a tenant', () => {
  test.each(each(byTenant))('%s needs a key', async (_, operation) => {
    const { status, body } = await gateway.ask(operation.method, pathOf(operation), bodyOf(operation));
    expect({ status, detail: body.detail }).toEqual({ status: 401, detail: 'Invalid API key' });
  });

  test.each(each((operation) => byTenant(operation) && operation.scope !== undefined))('%s needs its scope', async (_, operation) => {
    const { status, body } = await gateway.ask(operation.method, pathOf(operation), { key: 'scopeless', ...bodyOf(operation) });
    expect({ status, code: body.code, scope: body.scope }).toEqual({ status: 403, code: 'auth.scope_missing', scope: operation.scope });
  });

  test('declares a scope', () => {
    expect(each((operation) => byTenant(operation) && operation.scope === undefined)).toEqual([]);
  });

  test.each(each(byTenant))('%s names no other tenant in query or body', async (_, operation) => {
    for (const place of ['query', 'body'] as const) {
      const properties = (operation[place] as { properties?: object } | undefined)?.properties ?? {};
      if (!('tenant_id' in properties)) continue;
      const path = place === 'query' ? `${pathOf(operation)}?tenant_id=globex` : pathOf(operation);
      const body = place === 'body' ? { body: { ...(sample(operation.body!) as object), tenant_id: 'globex' } } : bodyOf(operation);
      expect((await gateway.ask(operation.method, path, { key: ACME_KEY, ...body })).status).toBe(403);
    }
  });
});

describe('every operation of operators', () => {
  const cases = each(({ auth }) => auth === 'admin');
  test.each(cases)('%s refuses everybody else', async (_, operation) => {
    for (const credentials of [
      {},
      { key: ACME_KEY },
      { admin: 'wrong' },
      { key: ACME_KEY, admin: 'wrong' },
      { headers: { authorization: 'Bearer a.b.c' } },
    ]) {
      const { status, body } = await gateway.ask(operation.method, pathOf(operation), { ...credentials, ...bodyOf(operation) });
      expect({ status, detail: body.detail }).toEqual({ status: 403, detail: 'Invalid admin API key' });
    }
    expect(reachedOwner()).toEqual([]);
  });
});

describe('accounts', () => {
  test.each([
    ['SUSPENDED', 403, 'Account suspended'],
    ['CANCELLED', 403, 'Tenant account is inactive'],
    ['expired', 401, 'Invalid API key'],
    ['no-such-key', 401, 'Invalid API key'],
  ])('a key that is %s is answered %i %j', async (key, status, detail) => {
    const answered = await gateway.ask('GET', '/api/v1/tenants/acme_corp/quota', { key });
    expect({ status: answered.status, detail: answered.body.detail }).toEqual({ status, detail });
  });

  test('a revoked key stops working as soon as tenant-changed arrives', async () => {
    gateway.keys.set('short-lived', { ...gateway.keys.get(ACME_KEY)!, api_key_id: 'key-9' });
    const ask = () => gateway.ask('GET', '/api/v1/tenants/acme_corp/quota', { key: 'short-lived' });
    expect((await ask()).status).toBe(200);
    gateway.keys.delete('short-lived');
    expect((await ask()).status).toBe(200);
    const data = { tenant_id: 'acme_corp', at: '2026-01-01T00:00:00Z', change: 'api_keys', status: 'ACTIVE', plan: 'STARTER' };
    await gateway.bus.publish([
      { topic: 'tenant-changed', event: { id: '1', type: 'convergence.tenant-changed.v1', source: 'tenant-service', time: data.at, data } },
    ]);
    await gateway.bus.deliver();
    expect((await ask()).status).toBe(401);
  });

  test('the key itself is sent to nobody: owners see its digest or nothing', async () => {
    await gateway.ask('GET', '/api/v1/tenants/acme_corp/quota', { key: ACME_KEY, admin: ADMIN_KEY });
    await gateway.ask('GET', '/api/v1/tenants/acme_corp/quota', { key: 'never-seen-before' });
    const seen = JSON.stringify([...gateway.tenants.asked, ...gateway.lookups]);
    for (const secret of [ACME_KEY, ADMIN_KEY, 'never-seen-before']) expect(seen).not.toContain(secret);
  });
});
