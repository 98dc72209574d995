/** tenants.list, tenants.get, tenants.change, tenants.cancel, tenants.quota, tenants.usage, subscriptions.*, journal.list, /internal/tenants. */

import { OPERATIONS } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ADMIN, ANYONE, acmeBody, ownerOf, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
let service: TenantsUnderTest;
const owner = ownerOf('acme_corp');
const other = ownerOf('globex');

beforeAll(async () => {
  service = await startTenants();
  for (const tenant_id of ['acme_corp', 'globex', 'initech']) {
    await service.ask('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ tenant_id, run_dryrun: false }) });
  }
});
afterAll(() => service.close());

describe('tenants', () => {
  test('an administrator lists all, page by page, and by status', async () => {
    const first = await service.ask<Any>('GET', '/tenants?limit=2');
    const second = await service.ask<Any>('GET', `/tenants?limit=2&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items].map((tenant) => tenant.tenant_id)).toEqual(['acme_corp', 'globex', 'initech']);
    expect(second.next_cursor).toBeNull();
    expect((await service.ask<Any>('GET', '/tenants?status=SUSPENDED')).items).toEqual([]);
  });

  test('a tenant changes its name, not its status', async () => {
    expect(await service.ask<Any>('PATCH', '/tenants/acme_corp', { as: owner, body: { company_name: 'Acme AG' } })).toMatchObject({
      company_name: 'Acme AG',
    });
    await expect(service.ask('PATCH', '/tenants/acme_corp', { as: owner, body: { status: 'ACTIVE' } })).rejects.toMatchObject({
      code: 'auth.invalid_admin_key',
    });
    expect(await service.ask<Any>('PATCH', '/tenants/initech', { body: { status: 'SUSPENDED' } })).toMatchObject({ status: 'SUSPENDED' });
  });

  test('a plan changes at once, with its limits', async () => {
    const changed = await service.ask<Any>('PATCH', '/tenants/globex/subscription', {
      body: { plan_name: 'SCALE', max_concurrent_pipelines: 42 },
    });
    expect(changed).toMatchObject({ plan_name: 'SCALE', max_pipelines_per_day: 100, max_concurrent_pipelines: 42, status: 'ACTIVE' });
    expect(await service.ask<Any>('GET', '/tenants/globex/quota', { as: other })).toMatchObject({ daily_limit: 100, concurrent_limit: 42 });
    expect(await service.ask<Any>('GET', '/tenants/globex', { as: other })).toMatchObject({ subscription_plan: 'SCALE' });
  });

  test('followers see each change once, and everything after a restart of the service', async () => {
    const all = await service.ask<Any>('GET', '/internal/tenants', { from: 'scheduler-service' });
    expect(all.items.map((tenant: Any) => [tenant.tenant_id, tenant.weight])).toEqual(
      expect.arrayContaining([
        ['globex', 4],
        ['acme_corp', 1],
      ]),
    );
    expect(all.complete).toBe(true);
    const nothing = await service.ask<Any>('GET', `/internal/tenants?cursor=${all.next_cursor}`);
    expect(nothing.items).toEqual([]);
    await service.ask('PATCH', '/tenants/acme_corp', { body: { company_name: 'Acme again' } });
    const changed = await service.ask<Any>('GET', `/internal/tenants?cursor=${nothing.next_cursor}`);
    expect(changed.items.map((tenant: Any) => tenant.tenant_id)).toEqual(['acme_corp']);
    expect((await service.ask<Any>('GET', '/internal/tenants?cursor=another-process/999')).items).toHaveLength(3);
  });

  test('usage of older days comes from the table, of the running day from memory', async () => {
    const day = { pipelines_run_today: 3, pipelines_succeeded_today: 2, pipelines_failed_today: 1, pipelines_cancelled_today: 0 };
    const row = { ...day, usage_date: '2026-01-16', max_concurrent_reached: 2, pipelines_run_month: 3, daily_limit: 6 };
    service.warehouse.answer(/FROM tenant_usage_quotas WHERE tenant_id = @tenant/, [row]);
    await service.clock.advance(3 * 86_400_000);
    const { items } = await service.ask<Any>('GET', '/tenants/acme_corp/usage?from=2026-01-16&to=2026-01-18', { as: owner });
    expect(items.map((item: Any) => item.usage_date)).toEqual(['2026-01-18', '2026-01-17', '2026-01-16']);
    expect(items.at(-1)).toEqual(row);
    expect(service.warehouse.statements.at(-1)?.parameters).toMatchObject({ tenant: { value: 'acme_corp' } });
    await expect(service.ask('GET', '/tenants/acme_corp/usage?from=2026-02-01&to=2026-01-01')).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });

  test('the warehouse is not asked for days before a tenant was', async () => {
    await service.clock.advance(3 * 86_400_000);
    const asked = service.warehouse.statements.length;
    for (const range of ['from=0001-01-01&to=0001-01-31', 'to=0001-01-31', 'from=2025-12-01&to=2026-01-10']) {
      expect(await service.ask<Any>('GET', `/tenants/acme_corp/usage?${range}`)).toEqual({ items: [], next_cursor: null });
    }
    expect(service.warehouse.statements).toHaveLength(asked);
  });

  test('the audit trail is the journal, without what is sealed or hashed', async () => {
    service.warehouse.answer(/FROM tenant_journal/, () =>
      service.journal.rows
        .filter((row) => !row.type.startsWith('slice.'))
        .slice(0, 3)
        .map((row) => ({ ...row })),
    );
    const { items, next_cursor } = await service.ask<Any>('GET', '/admin/journal?limit=2&tenant_id=acme_corp');
    expect(items[0]).toMatchObject({ type: 'tenant_onboarded', subject: 'acme_corp', actor: { kind: 'anonymous' } });
    expect(JSON.stringify(items)).not.toMatch(/sealed|api_key_hash/);
    expect(next_cursor).toBe(String(items[1].sequence));
  });

  test.each(['/admin/journal', '/tenants/acme_corp/usage?from=2026-01-15&to=2026-01-18'])(
    'what %s asks of the warehouse ends when its asker is gone',
    async (path) => {
      service.warehouse.answer(/./, []);
      await service.clock.advance(3 * 86_400_000);
      await service.ask('GET', path);
      expect(service.warehouse.statements.at(-1)?.signal).toBeInstanceOf(AbortSignal);
    },
  );

  test('cancelling stops admissions; purging asks for a confirmation and drops dataset, keys and secrets', async () => {
    await service.ask('POST', '/tenants/globex/credentials', {
      body: { provider: 'OPENAI', credential_name: 'o', credentials: { api_key: 'sk-0123456789abcdefghij' } },
    });
    expect(await service.ask<Any>('DELETE', '/tenants/globex')).toMatchObject({ status: 'CANCELLED' });
    await expect(service.ask('DELETE', '/tenants/globex?purge=true')).rejects.toMatchObject({ code: 'request.confirmation_required' });
    expect(service.warehouse.datasets.has('globex')).toBe(true);
    await service.ask('DELETE', '/tenants/globex?purge=true', { headers: { 'x-confirm': 'globex' } });
    expect(service.warehouse.datasets.has('globex')).toBe(false);
    expect((await service.ask<Any>('GET', '/tenants/globex/credentials')).items).toEqual([]);
    expect((await service.ask<Any>('GET', '/tenants/globex/api-keys')).items.every((key: Any) => !key.is_active)).toBe(true);
    await service.ask('PATCH', '/tenants/globex', { body: { status: 'ACTIVE' } });
    while (!service.warehouse.datasets.has('globex')) await new Promise(setImmediate);
  });
});

describe('whoever asks for what is not theirs', () => {
  const mine = OPERATIONS.filter((operation) => operation.owner === 'tenant-service');
  const address = (path: string) =>
    path
      .replace('/api/v1', '')
      .replace('{tenant_id}', 'acme_corp')
      .replace(/\{\w+\}/g, 'some-id');

  test.each(mine.filter((operation) => operation.auth === 'tenant').map((operation) => [operation.id, operation] as const))(
    '%s: another tenant is refused before anything is looked at',
    async (_, operation) => {
      const body = operation.body ? sampleOf(operation.id) : undefined;
      const asking = service.ask(operation.method, address(operation.path), { as: other, ...(body !== undefined && { body }) });
      await expect(asking).rejects.toMatchObject({ code: 'auth.other_tenant' });
    },
  );
  test.each(mine.filter((operation) => operation.auth === 'admin').map((operation) => [operation.id, operation] as const))(
    '%s: a tenant is refused',
    async (_, operation) => {
      const body = operation.body ? sampleOf(operation.id) : undefined;
      const asking = service.ask(operation.method, address(operation.path), { as: owner, ...(body !== undefined && { body }) });
      await expect(asking).rejects.toMatchObject({ code: 'auth.invalid_admin_key' });
    },
  );
  test.each(mine.filter((operation) => operation.scope).map((operation) => [operation.id, operation] as const))(
    '%s: a key without the scope is refused',
    async (_, operation) => {
      const body = operation.body ? sampleOf(operation.id) : undefined;
      const asking = service.ask(operation.method, address(operation.path), {
        as: ownerOf('acme_corp', []),
        ...(body !== undefined && { body }),
      });
      await expect(asking).rejects.toMatchObject({ code: 'auth.scope_missing' });
    },
  );
  test('a tenant that is not there is not found, for admin', async () => {
    for (const operation of mine.filter(({ auth, path }) => auth !== 'signature' && path.includes('{tenant_id}'))) {
      const body = operation.body ? sampleOf(operation.id) : undefined;
      const path = address(operation.path).replace('acme_corp', 'nobody_here');
      await expect(service.ask(operation.method, path, { as: ADMIN, ...(body !== undefined && { body }) })).rejects.toMatchObject({
        code: 'tenant.not_found',
      });
    }
  });
});

/** A body that passes the schema. */
function sampleOf(id: string): unknown {
  const samples: Record<string, unknown> = {
    'tenants.change': { company_name: 'X' },
    'subscriptions.change': { plan_name: 'SCALE' },
    'credentials.create': { provider: 'OPENAI', credential_name: 'o', credentials: { api_key: 'sk-0123456789abcdefghij' } },
    'credentials.change': { credential_name: 'x' },
    'provider-configs.create': { provider: 'GCP', domain: 'COST' },
    'provider-configs.change': { source_dataset: 'x' },
  };
  return samples[id] ?? {};
}
