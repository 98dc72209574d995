import { type Operation, Refusal, type Scope, tenantId } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import type { KeyHolder } from './api-keys.ts';
import { authenticator } from './authenticate.ts';

const ACME = tenantId('acme_corp');
const holder = (more: Partial<KeyHolder> = {}): KeyHolder => ({
  keyId: 'key-1',
  tenantId: ACME,
  scopes: ['tenant:read'],
  expiresAt: Number.POSITIVE_INFINITY,
  status: 'ACTIVE',
  ...more,
});
function asking(
  auth: Operation['auth'],
  headers: Record<string, string>,
  more: {
    path?: string;
    scope?: Scope;
    holder?: Partial<KeyHolder>;
    onboarding?: 'open' | 'admin';
    disabled?: boolean;
    used?: string[];
  } = {},
) {
  const authenticate = authenticator({
    apiKeys: { holderOf: async (key) => (key === 'good' ? holder(more.holder) : undefined) },
    admins: {
      verify: async (key) => {
        if (key !== 'admin') throw new Refusal('auth.invalid_admin_key', 'Invalid admin API key');
      },
    },
    onboarding: more.onboarding ?? 'open',
    disabled: more.disabled ?? false,
    used: (key) => more.used?.push(key),
  });
  return authenticate({ auth, ...(more.scope && { scope: more.scope }) }, { header: (name) => headers[name] ?? '', pathTenant: more.path });
}
const KEY = { 'x-api-key': 'good' };
const ADMIN = { 'x-admin-key': 'admin' };

describe('who asks', () => {
  test('a good key is its tenant, with its scopes and the user who is named', async () => {
    const used: string[] = [];
    expect(await asking('tenant', { ...KEY, 'x-user-id': 'alice@acme|1' }, { path: ACME, used })).toEqual({
      kind: 'tenant',
      tenantId: ACME,
      keyId: 'key-1',
      scopes: ['tenant:read'],
      userId: 'alice@acme|1',
    });
    expect(used).toEqual(['key-1']);
  });

  test.each([
    ['no key', {}, 'auth.invalid_api_key', 'Invalid API key'],
    ['an unknown key', { 'x-api-key': 'bad' }, 'auth.invalid_api_key', 'Invalid API key'],
    ['a wrong admin key beside a good key', { ...KEY, 'x-admin-key': 'no' }, 'auth.invalid_admin_key', 'Invalid admin API key'],
  ])('%s on a tenant route is refused', async (_, headers, code, detail) => {
    await expect(asking('tenant', headers as Record<string, string>, { path: ACME })).rejects.toMatchObject({ code, message: detail });
  });

  test.each(['tenant', 'tenant-only', 'onboarding'] as const)('another tenant in the path of a %s route is a 403', async (auth) => {
    await expect(asking(auth, KEY, { path: 'globex' })).rejects.toMatchObject({ code: 'auth.other_tenant' });
  });

  test.each([
    ['SUSPENDED', 'Account suspended'],
    ['CANCELLED', 'Tenant account is inactive'],
  ] as const)('a %s tenant reads %j', async (status, detail) => {
    await expect(asking('tenant', KEY, { path: ACME, holder: { status } })).rejects.toMatchObject({ message: detail });
  });

  test('a missing scope is named', async () => {
    await expect(asking('tenant', KEY, { path: ACME, scope: 'pipelines:execute' })).rejects.toMatchObject({
      code: 'auth.scope_missing',
      fields: { scope: 'pipelines:execute' },
    });
  });

  test('an operator enters tenant routes, but not those of tenants only', async () => {
    expect(await asking('tenant', ADMIN, { path: ACME })).toEqual({ kind: 'admin' });
    await expect(asking('tenant-only', ADMIN, { path: ACME })).rejects.toMatchObject({ code: 'auth.invalid_api_key' });
  });

  test("a tenant's key does not open admin routes", async () => {
    await expect(asking('admin', KEY)).rejects.toMatchObject({ code: 'auth.invalid_admin_key' });
  });

  test('onboarding is open to anybody, or to operators, as configured', async () => {
    expect(await asking('onboarding', {})).toEqual({ kind: 'anonymous' });
    await expect(asking('onboarding', {}, { onboarding: 'admin' })).rejects.toMatchObject({ code: 'auth.invalid_admin_key' });
    expect(await asking('onboarding', ADMIN, { onboarding: 'admin' })).toEqual({ kind: 'admin' });
    await expect(asking('onboarding', { 'x-api-key': 'bad' })).rejects.toMatchObject({ code: 'auth.invalid_api_key' });
  });

  test.each(['a b', 'x'.repeat(129), 'é', 'a/b', '<script>'])('the user id %j is refused', async (user) => {
    await expect(asking('tenant', { ...KEY, 'x-user-id': user }, { path: ACME })).rejects.toMatchObject({ code: 'request.invalid' });
  });

  describe('with authentication off', () => {
    test('a missing key stands for the tenant in the path, a missing admin key for an operator', async () => {
      expect(await asking('tenant-only', {}, { path: ACME, disabled: true })).toMatchObject({ kind: 'tenant', tenantId: ACME });
      expect(await asking('admin', {}, { disabled: true })).toEqual({ kind: 'admin' });
    });

    test('credentials that are given must be right', async () => {
      await expect(asking('tenant', { 'x-api-key': 'bad' }, { path: ACME, disabled: true })).rejects.toMatchObject({
        code: 'auth.invalid_api_key',
      });
      await expect(asking('admin', { 'x-admin-key': 'bad' }, { disabled: true })).rejects.toMatchObject({ code: 'auth.invalid_admin_key' });
    });
  });
});
