import { given } from '@convergence/testing';
import { describe, expect, test } from '@jest/globals';
import { findKey, MAX_NEW_KEYS_A_DAY, MAX_WORKING_KEYS } from './api-keys.ts';
import type { TenantsState } from './state.ts';
import { AT, onboarded, sampleKey, TENANTS } from './testing/sample.ts';

const hash = (n: number) => sampleKey(n).api_key_hash;
const worksAt = (state: TenantsState, n: number, at = AT) => findKey(state, hash(n), Date.parse(at)) !== undefined;
const issue = (n: number, over = {}) => ({ kind: 'issue-api-key', tenant_id: 'acme', api_key: sampleKey(n, over) }) as const;
const successor = { api_key_id: 'key-2', api_key_hash: hash(2), sealed: 'sealed-2' };
const rotate = (overlap_hours: number) =>
  ({ kind: 'rotate-api-key', tenant_id: 'acme', api_key_id: 'key-1', api_key: successor, overlap_hours }) as const;

describe('api keys', () => {
  test('tenants whose names contain each other never share keys: a key is looked up, not parsed', () => {
    const { state } = given(TENANTS, [onboarded('acme', 'STARTER', 1), onboarded('acme_api', 'STARTER', 2)]);
    expect(findKey(state, hash(1), 0)?.tenant.tenant_id).toBe('acme');
    expect(findKey(state, hash(2), 0)?.tenant.tenant_id).toBe('acme_api');
    expect(findKey(state, hash(3), 0)).toBeUndefined();
  });

  test('rotation makes the successor and ends the old one after the overlap, in one event', () => {
    const { decision, thenReply } = given(TENANTS, [onboarded()]).when(rotate(24));
    expect('events' in decision && decision.events.map((event) => event.type)).toEqual(['api_key_rotated']);
    const { state } = thenReply(null);
    expect([worksAt(state, 1), worksAt(state, 2)]).toEqual([true, true]);
    expect(worksAt(state, 1, '2026-01-16T09:59:59.000Z')).toBe(true);
    expect(worksAt(state, 1, '2026-01-16T10:00:00.000Z')).toBe(false);
    expect(findKey(state, hash(2), Date.parse(AT))?.key.scopes).toEqual(sampleKey(1).scopes);
  });

  test('an overlap never outlives the expiry of the old key', () => {
    const soon = '2026-01-15T11:00:00.000Z';
    const { state } = given(TENANTS, [onboarded()])
      .when(issue(3, { expires_at: soon }))
      .thenReply(null)
      .when({ ...rotate(24), api_key_id: 'key-3' })
      .thenReply(null);
    expect(state.keysById.get('key-3')?.key.expires_at).toBe(soon);
  });

  test('a key that is rotated again during its overlap has a successor that lives as long as the first', () => {
    const again = { ...rotate(24), api_key: { api_key_id: 'key-4', api_key_hash: hash(4), sealed: 'sealed-4' } };
    const { state } = given(TENANTS, [onboarded()]).when(rotate(24)).thenReply(null).when(again).thenReply(null);
    expect(state.keysById.get('key-4')?.key.expires_at).toBeNull();
    expect(worksAt(state, 4, '2027-01-15T10:00:00.000Z')).toBe(true);
  });

  test('a key that ended can not be rotated back to life', () => {
    given(TENANTS, [onboarded()])
      .when({ kind: 'revoke-api-key', tenant_id: 'acme', api_key_id: 'key-1' })
      .thenReply(null)
      .when(rotate(24))
      .thenRefused('api_key.not_found');
  });

  test('a key that is there, by its id, is not made again, not by rotation either, and whatever became of it', () => {
    const made = given(TENANTS, [onboarded()]).when(issue(3)).thenReply(null);
    made.when(issue(3)).thenEvents([]);
    const rotated = made.when(rotate(0)).thenReply(null);
    rotated.when(rotate(0)).thenEvents([]);
    const revoked = rotated.when({ kind: 'revoke-api-key', tenant_id: 'acme', api_key_id: 'key-2' }).thenReply(null);
    revoked.when(rotate(0), '2026-01-15T20:00:00.000Z').thenEvents([]);
  });

  test('revoking works at once and twice', () => {
    const revoke = { kind: 'revoke-api-key', tenant_id: 'acme', api_key_id: 'key-1' } as const;
    const { state, when } = given(TENANTS, [onboarded()]).when(revoke).thenReply(null);
    expect(worksAt(state, 1)).toBe(false);
    when(revoke).thenEvents([]);
  });

  test("another tenant's key id is not found", () => {
    given(TENANTS, [onboarded('acme', 'STARTER', 1), onboarded('globex', 'STARTER', 2)])
      .when({ kind: 'revoke-api-key', tenant_id: 'acme', api_key_id: 'key-2' })
      .thenRefused('api_key.not_found');
  });

  test('last use is noted at most once a minute, never backwards, never from the future', () => {
    const use = (at: string) => ({ kind: 'note-keys-used', used: [{ api_key_id: 'key-1', at }] }) as const;
    given(TENANTS, [onboarded()])
      .when({ kind: 'note-keys-used', used: [...use('2026-01-15T09:00:00.000Z').used, ...use(AT).used, { api_key_id: 'nobody', at: AT }] })
      .thenEvents([{ type: 'api_keys_used', used: [{ api_key_id: 'key-1', at: AT }] }])
      .when(use('2026-01-15T10:00:30.000Z'), '2026-01-15T10:01:00.000Z')
      .thenEvents([])
      .when(use('2036-01-01T00:00:00.000Z'), '2026-01-15T10:02:00.000Z')
      .thenEvents([{ type: 'api_keys_used', used: [{ api_key_id: 'key-1', at: '2026-01-15T10:02:00.000Z' }] }]);
  });

  test('a tenant can not fill memory with keys', () => {
    let flow = given(TENANTS, [onboarded()]);
    for (let n = 2; n <= MAX_WORKING_KEYS; n += 1) flow = { ...flow, ...flow.when(issue(n)).thenReply(null) };
    flow.when(issue(99)).thenRefused('request.invalid');
  });

  test('nor with keys that are dead: so many may begin within a day, by rotation too', () => {
    let flow = given(TENANTS, [onboarded()]);
    const next = (n: number) => ({ api_key_id: `key-${n}`, api_key_hash: hash(n), sealed: 'sealed' });
    const turn = (n: number) => ({ ...rotate(0), api_key_id: `key-${n}`, api_key: next(n + 1) });
    for (let n = 1; n < MAX_NEW_KEYS_A_DAY; n += 1) flow = { ...flow, ...flow.when(turn(n)).thenReply(null) };
    flow.when(turn(MAX_NEW_KEYS_A_DAY)).thenRefused('request.invalid');
    flow.when(issue(999)).thenRefused('request.invalid');
    flow.when(turn(MAX_NEW_KEYS_A_DAY), '2026-01-16T11:00:00.000Z').thenReply(null);
  });
});
