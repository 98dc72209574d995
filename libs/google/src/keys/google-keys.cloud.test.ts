import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostsFrom } from '../endpoints.ts';
import { defaultKeks, type GoogleKeys, googleKeys } from './google-keys.ts';

let cloud: LocalCloud;
let keys: GoogleKeys;
const config = () => ({ project: 'test-project', location: 'US', hosts: hostsFrom(cloud.env) });

beforeAll(async () => {
  cloud = await startLocalCloud();
  keys = googleKeys(config(), { keks: defaultKeks(config()) });
}, 60_000);
afterAll(async () => {
  await keys?.close();
  await cloud?.stop();
});

describe('sealing', () => {
  const bound = { tenantId: 'acme', recordId: 'credential-1' };

  test('provisioning makes ring and keys once', async () => {
    expect(await keys.provision()).toEqual(['key ring convergence', 'key api-keys', 'key credentials']);
    expect(await keys.provision()).toEqual([]);
    await keys.check();
  });

  test('a sealed value opens, here and in another process, and never looks the same twice', async () => {
    const secret = Buffer.from('{"private_key":"geheim"}');
    const sealed = await keys.seal('credentials', bound, secret);
    expect(sealed).toMatch(/^v1\.[\w-]+\.[\w-]+$/);
    expect(await keys.seal('credentials', bound, secret)).not.toBe(sealed);
    expect(await keys.open('credentials', bound, sealed)).toEqual(secret);
    const other = googleKeys(config(), { keks: defaultKeks(config()) });
    expect(await other.open('credentials', bound, sealed)).toEqual(secret);
    await other.close();
  });

  test('it opens for no other tenant, record or purpose, and not when a byte is changed', async () => {
    const sealed = await keys.seal('credentials', bound, Buffer.from('secret'));
    const said = 'the sealed value does not open';
    await expect(keys.open('credentials', { ...bound, tenantId: 'other' }, sealed)).rejects.toThrow(said);
    await expect(keys.open('credentials', { ...bound, recordId: 'credential-2' }, sealed)).rejects.toThrow(said);
    await expect(keys.open('api-keys', bound, sealed)).rejects.toThrow(said);
    const other = sealed.at(-2) === 'A' ? 'Q' : 'A';
    await expect(keys.open('credentials', bound, sealed.slice(0, -2) + other + sealed.at(-1))).rejects.toThrow(said);
    await expect(keys.open('credentials', bound, 'nonsense')).rejects.toThrow('not a sealed value');
  });

  test('a thousand values of one tenant cost one call to KMS each way', async () => {
    const fresh = googleKeys(config(), { keks: defaultKeks(config()) });
    const sealed = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => fresh.seal('api-keys', { tenantId: 'acme', recordId: `${n}` }, Buffer.from(`${n}`))),
    );
    expect(new Set(sealed.map((s) => s.split('.')[1])).size).toBe(1);
    await cloud.kill();
    expect((await fresh.seal('api-keys', bound, Buffer.from('x'))).split('.')[1]).toBe(sealed[0]!.split('.')[1]);
    await expect(fresh.seal('api-keys', { ...bound, tenantId: 'beta' }, Buffer.from('x'))).rejects.toMatchObject({ name: 'Transient' });
    await cloud.start();
    await fresh.seal('api-keys', { ...bound, tenantId: 'beta' }, Buffer.from('x'));
    await fresh.close();
  }, 60_000);
});
