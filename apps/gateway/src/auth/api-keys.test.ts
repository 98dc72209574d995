import { type KeyLookupResponse, type TenantId, tenantId } from '@convergence/contracts';
import { describe, expect, jest, test } from '@jest/globals';
import { ApiKeys } from './api-keys.ts';
import { digest } from './digest.ts';

const ACME = tenantId('acme_corp');
const answer = (tenant: TenantId = ACME, more = {}): KeyLookupResponse => ({
  key: { api_key_id: 'key-1', tenant_id: tenant, scopes: ['tenant:read'], expires_at: null, tenant_status: 'ACTIVE', ...more },
});
const nobody: KeyLookupResponse = { key: null };

function given(respond: (hash: string) => KeyLookupResponse | Promise<KeyLookupResponse> = () => answer(), capacity = 100) {
  const clock = { at: 1_000_000 };
  const lookup = jest.fn(async (hash: string) => respond(hash));
  return { clock, lookup, keys: new ApiKeys({ lookup, now: () => clock.at, positiveSeconds: 60, negativeSeconds: 5, capacity }) };
}

describe('API keys in memory', () => {
  test('a key is asked for once by its SHA-256 and never by itself', async () => {
    const { keys, lookup } = given();
    await keys.holderOf('secret');
    expect((await keys.holderOf('secret'))?.tenantId).toBe(ACME);
    expect(lookup.mock.calls).toEqual([[digest('secret').toString('hex')]]);
  });

  test('many simultaneous requests with one key ask once', async () => {
    const { keys, lookup } = given();
    await Promise.all(Array.from({ length: 50 }, () => keys.holderOf('secret')));
    expect(lookup).toHaveBeenCalledTimes(1);
  });

  test('an unknown key is remembered briefly', async () => {
    const { keys, lookup, clock } = given(() => nobody);
    expect(await keys.holderOf('wrong')).toBeUndefined();
    expect(await keys.holderOf('wrong')).toBeUndefined();
    expect(lookup).toHaveBeenCalledTimes(1);
    clock.at += 5001;
    await keys.holderOf('wrong');
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  test('a found key is believed for its time only, so a missed event heals', async () => {
    const { keys, lookup, clock } = given();
    await keys.holderOf('secret');
    clock.at += 60_001;
    await keys.holderOf('secret');
    expect(lookup).toHaveBeenCalledTimes(2);
  });

  test('an expired key is refused although it is remembered', async () => {
    const { keys, clock } = given(() => answer(ACME, { expires_at: new Date(1_010_000).toISOString() }));
    expect(await keys.holderOf('secret')).toBeDefined();
    clock.at += 10_001;
    expect(await keys.holderOf('secret')).toBeUndefined();
  });

  test('forgetting a tenant forgets its keys and no others', async () => {
    const { keys, lookup } = given((hash) => answer(hash === digest('a').toString('hex') ? ACME : tenantId('other')));
    await keys.holderOf('a');
    await keys.holderOf('b');
    keys.forget(ACME);
    await keys.holderOf('b');
    expect(lookup).toHaveBeenCalledTimes(2);
    await keys.holderOf('a');
    expect(lookup).toHaveBeenCalledTimes(3);
  });

  test('an answer that was on its way when its tenant changed is not remembered', async () => {
    let respond: (response: KeyLookupResponse) => void = () => {};
    const { keys, lookup } = given(() => new Promise((resolve) => (respond = resolve)));
    const first = keys.holderOf('secret');
    keys.forget(ACME);
    respond(answer());
    await first;
    const second = keys.holderOf('secret');
    expect(lookup).toHaveBeenCalledTimes(2);
    respond(nobody);
    expect(await second).toBeUndefined();
  });

  test('nor is one when another tenant had changed before', async () => {
    let respond: (response: KeyLookupResponse) => void = () => {};
    const { keys } = given(() => new Promise((resolve) => (respond = resolve)));
    const first = keys.holderOf('secret');
    keys.forget(tenantId('other'));
    keys.forget(ACME);
    respond(answer());
    await first;
    const second = keys.holderOf('secret');
    respond(nobody);
    expect(await second).toBeUndefined();
  });

  test('who asks after its tenant changed does not get an answer that was on its way before', async () => {
    const responds: ((response: KeyLookupResponse) => void)[] = [];
    const { keys } = given(() => new Promise((resolve) => responds.push(resolve)));
    const before = keys.holderOf('secret');
    keys.forget(ACME);
    const after = keys.holderOf('secret');
    responds[0]?.(answer());
    await before;
    const doubled = keys.holderOf('secret');
    responds[1]?.(nobody);
    expect([await after, await doubled]).toEqual([undefined, undefined]);
    expect(responds).toHaveLength(2);
  });

  test('a key that nobody knew works as soon as its tenant tells of a change', async () => {
    let known = false;
    const { keys } = given(() => (known ? answer() : nobody));
    expect(await keys.holderOf('secret')).toBeUndefined();
    known = true;
    keys.forget(ACME);
    expect(await keys.holderOf('secret')).toBeDefined();
  });

  test('garbage does not push out keys that exist, and memory stays bounded', async () => {
    const { keys, lookup } = given((hash) => (hash === digest('good').toString('hex') ? answer() : nobody), 10);
    await keys.holderOf('good');
    for (let n = 0; n < 1000; n++) await keys.holderOf(`garbage-${n}`);
    expect(keys.size).toBeLessThanOrEqual(20);
    lookup.mockClear();
    expect(await keys.holderOf('good')).toBeDefined();
    expect(lookup).not.toHaveBeenCalled();
  });

  test('a failed lookup is nobody’s answer: the next request asks again', async () => {
    let away = true;
    const { keys } = given(() => (away ? Promise.reject(new Error('away')) : answer()));
    await expect(keys.holderOf('secret')).rejects.toThrow('away');
    away = false;
    expect(await keys.holderOf('secret')).toBeDefined();
  });

  test('an answer for a tenant that no rule lets in is nobody', async () => {
    const { keys } = given(() => answer('Not A Tenant' as TenantId));
    expect(await keys.holderOf('secret')).toBeUndefined();
  });
});
