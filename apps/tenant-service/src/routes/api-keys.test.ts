/** api-keys.list, api-keys.create, api-keys.revoke, api-keys.rotate and the lookup behind them. */

import { apiKeysRotate } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hashOf } from '../api-key-text.ts';
import { ANYONE, acmeBody, ownerOf, startTenants, type TenantsUnderTest } from '../testing/tenants-under-test.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered.
type Any = any;
let service: TenantsUnderTest;
const KEYS = '/tenants/acme_corp/api-keys';
const owner = ownerOf('acme_corp');
const lookup = async (key: string) =>
  (await service.ask<Any>('POST', '/internal/api-keys/lookup', { body: { api_key_hash: hashOf(key) } })).key;

beforeAll(async () => {
  service = await startTenants();
  await service.ask('POST', '/tenants/onboard', { as: ANYONE, body: acmeBody({ run_dryrun: false }) });
});
afterAll(() => service.close());

describe('api keys', () => {
  test('a new key is shown once, looks like its tenant, works, and is never shown again', async () => {
    const made = await service.ask<Any>('POST', KEYS, {
      as: owner,
      body: { key_name: 'ci', scopes: ['pipelines:read'], expires_in_days: 30 },
    });
    expect(made.api_key).toMatch(/^acme_corp_api_[A-Za-z0-9]{32}$/);
    expect(await lookup(made.api_key)).toMatchObject({
      tenant_id: 'acme_corp',
      scopes: ['pipelines:read'],
      expires_at: '2026-02-14T10:00:00.000Z',
    });
    const list = await service.ask<Any>('GET', KEYS, { as: owner });
    expect(JSON.stringify(list)).not.toContain(made.api_key);
    expect(Object.keys(list.items[0])).not.toEqual(expect.arrayContaining(['api_key_hash']));
    expect(list.items).toHaveLength(2);
  });

  describe('asked for again by the command that made them', () => {
    const keysOf = async () => (await service.ask<Any>('GET', `${KEYS}?limit=500`)).items.length;
    const by = (command: string) => ({ as: owner, headers: { 'x-command-id': command } });

    test('are answered with the same text, also at once and after a crash; another command makes another', async () => {
      const make = (command: string) => service.ask<Any>('POST', KEYS, { ...by(command), body: { key_name: 'once' } });
      const before = await keysOf();
      const [made, twin] = await Promise.all([make('a'), make('a')]);
      expect(twin).toEqual(made);
      await service.restart();
      expect(await make('a')).toEqual(made);
      expect(await lookup(made.api_key)).toMatchObject({ api_key_id: made.api_key_id });
      await service.slice().checkpoint();
      await service.restart();
      expect(await make('a')).toEqual(made);
      expect(await keysOf()).toBe(before + 1);
      expect((await make('b')).api_key).not.toBe(made.api_key);
    });

    test('by rotation too, also when the old key ended meanwhile', async () => {
      const old = await service.ask<Any>('POST', KEYS, { body: { key_name: 'turned' } });
      const rotate = (command: string) =>
        service.ask<Any>('POST', `${KEYS}/${old.api_key_id}/rotate`, { ...by(command), body: { overlap_hours: 1 } });
      const successor = await rotate('r');
      const before = await keysOf();
      await service.clock.advance(2 * 3_600_000);
      expect(await rotate('r')).toEqual(successor);
      expect(await keysOf()).toBe(before);
      await expect(rotate('other')).rejects.toMatchObject({ code: 'api_key.not_found' });
    });

    test('by none that holds a weaker key than what it asks for', async () => {
      await service.ask('POST', KEYS, { ...by('strong'), body: { scopes: ['pipelines:execute'] } });
      const weak = { ...by('strong'), as: ownerOf('acme_corp', ['tenant:write']) };
      await expect(service.ask('POST', KEYS, { ...weak, body: { scopes: ['pipelines:execute'] } })).rejects.toMatchObject({
        code: 'auth.scope_missing',
      });
    });
  });

  test('an expired key is as unknown as one that never was', async () => {
    const made = await service.ask<Any>('POST', KEYS, { body: { expires_in_days: 1 } });
    await service.clock.advance(86_400_000);
    expect(await lookup(made.api_key)).toBeNull();
    expect(await lookup('acme_corp_api_nonsense')).toBeNull();
  });

  test('a key gives no scope that it lacks, not by rotation either', async () => {
    const weak = ownerOf('acme_corp', ['tenant:write']);
    await expect(service.ask('POST', KEYS, { as: weak, body: { scopes: ['pipelines:execute'] } })).rejects.toMatchObject({
      code: 'auth.scope_missing',
    });
    const [first] = (await service.ask<Any>('GET', KEYS)).items;
    await expect(service.ask('POST', `${KEYS}/${first.api_key_id}/rotate`, { as: weak })).rejects.toMatchObject({
      code: 'auth.scope_missing',
    });
    const same = await service.ask<Any>('POST', KEYS, { as: weak, body: {} });
    expect(same.scopes).toEqual(['tenant:write']);
  });

  test('rotation makes a successor and the old key works on for the overlap', async () => {
    expect(apiKeysRotate.path).toContain('/rotate');
    const old = await service.ask<Any>('POST', KEYS, { body: { key_name: 'rotated' } });
    const successor = await service.ask<Any>('POST', `${KEYS}/${old.api_key_id}/rotate`, { body: { overlap_hours: 1 } });
    expect(successor).toMatchObject({ key_name: 'rotated', scopes: old.scopes, is_active: true });
    expect(await lookup(old.api_key)).not.toBeNull();
    await service.clock.advance(3_600_000);
    expect(await lookup(old.api_key)).toBeNull();
    expect(await lookup(successor.api_key)).not.toBeNull();
  });

  test('revoking tells every gateway', async () => {
    const made = await service.ask<Any>('POST', KEYS, { body: {} });
    const told = () => service.bus.published.filter((message) => message.topic === 'tenant-changed').length;
    const before = told();
    expect(await service.ask<Any>('DELETE', `${KEYS}/${made.api_key_id}`)).toMatchObject({
      is_active: false,
      revoked_at: expect.any(String),
    });
    expect(await lookup(made.api_key)).toBeNull();
    while (told() === before) await new Promise(setImmediate);
    expect(service.bus.published.at(-1)?.event.data).toMatchObject({ tenant_id: 'acme_corp', change: 'api_keys' });
    await expect(service.ask('DELETE', `${KEYS}/nobody`)).rejects.toMatchObject({ code: 'api_key.not_found' });
  });

  test('last use comes in batches from gateways', async () => {
    const made = await service.ask<Any>('POST', KEYS, { body: {} });
    const at = new Date(service.clock.now()).toISOString();
    await service.ask('POST', '/internal/api-keys/used', {
      body: {
        used: [
          { api_key_id: made.api_key_id, at },
          { api_key_id: 'gone', at },
        ],
      },
    });
    const { items } = await service.ask<Any>('GET', `${KEYS}?limit=500`);
    expect(items.find((key: Any) => key.api_key_id === made.api_key_id).last_used_at).toBe(at);
  });

  test('a list is paged without gaps or doubles', async () => {
    const all = (await service.ask<Any>('GET', `${KEYS}?limit=500`)).items.map((key: Any) => key.api_key_id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Any = await service.ask('GET', `${KEYS}?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.items.map((key: Any) => key.api_key_id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(all);
    await expect(service.ask('GET', `${KEYS}?cursor=%00`)).rejects.toMatchObject({ code: 'request.invalid' });
  });
});
