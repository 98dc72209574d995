import { describe, expect, test } from '@jest/globals';
import { open, seal, versionOf } from './cipher.ts';
import { crc32c } from './crc32c.ts';
import { Keys } from './keys.ts';

const DAY = 86_400_000;
const KEY = 'projects/p/locations/global/keyRings/r/cryptoKeys/k';

function keysWithOne(options: Partial<Parameters<Keys['createKey']>[1]> = {}) {
  let saves = 0;
  const keys = new Keys({ keyRings: [], cryptoKeys: [] }, () => {
    saves++;
  });
  keys.createRing('projects/p/locations/global/keyRings/r', 0);
  const key = keys.createKey(
    KEY,
    { labels: {}, rotationSeconds: null, nextRotationMs: null, destroyAfterSeconds: 30 * 86_400, skipInitialVersion: false, ...options },
    0,
  );
  return { keys, key, saves: () => saves };
}

describe('keys', () => {
  test('rotation makes a new primary on its day, once per period, and the old version stays usable', () => {
    const { keys, key } = keysWithOne({ rotationSeconds: 2 * 86_400, nextRotationMs: 2 * DAY });
    keys.pass(2 * DAY - 1);
    expect(key.primary).toBe(1);
    keys.pass(2 * DAY);
    keys.pass(2 * DAY + 5);
    expect([key.primary, key.versions.length, key.nextRotationMs]).toEqual([2, 2, 4 * DAY]);
    expect(keys.material(key, keys.version(key, 1))).not.toEqual(keys.material(key, keys.version(key, 2)));
  });

  test('a process that slept over several periods rotates once and keeps the rhythm', () => {
    const { keys, key } = keysWithOne({ rotationSeconds: 86_400, nextRotationMs: DAY });
    keys.pass(10 * DAY + 7);
    expect([key.primary, key.nextRotationMs]).toEqual([2, 11 * DAY]);
  });

  test('a destroyed version waits its time, can be restored before and has lost its material after', () => {
    const { keys, key } = keysWithOne();
    const version = keys.version(key, 1);
    keys.scheduleDestruction(key, version, 0);
    expect(() => keys.material(key, version)).toThrow('is not enabled, current state is: DESTROY_SCHEDULED.');
    keys.restore(key, version);
    expect(version.state).toBe('DISABLED');
    keys.scheduleDestruction(key, version, 0);
    keys.pass(30 * DAY - 1);
    expect(version.material).not.toBeNull();
    keys.pass(30 * DAY);
    expect([version.state, version.material]).toEqual(['DESTROYED', null]);
    expect(() => keys.restore(key, version)).toThrow('cannot be restored');
  });

  test('every change is saved', () => {
    const { keys, key, saves } = keysWithOne();
    const before = saves();
    keys.createVersion(key, 1);
    keys.update(key, { primary: 2 });
    keys.setEnabled(key, keys.version(key, 1), false);
    expect(saves() - before).toBe(3);
  });
});

describe('cipher', () => {
  const material = Buffer.alloc(32, 7);
  test('opens only with the same key name, version, material and additional data', () => {
    const sealed = seal(KEY, 1, material, Buffer.from('secret'), Buffer.from('aad'));
    expect(versionOf(sealed)).toBe(1);
    expect(open(KEY, 1, material, sealed, Buffer.from('aad'))!.toString()).toBe('secret');
    expect(open(KEY, 1, material, sealed, Buffer.from('other'))).toBeUndefined();
    expect(open(`${KEY}2`, 1, material, sealed, Buffer.from('aad'))).toBeUndefined();
    expect(open(KEY, 2, material, sealed, Buffer.from('aad'))).toBeUndefined();
    expect(open(KEY, 1, Buffer.alloc(32, 8), sealed, Buffer.from('aad'))).toBeUndefined();
    for (let i = 5; i < sealed.length; i++) {
      const damaged = Buffer.from(sealed);
      damaged[i]! ^= 1;
      expect(open(KEY, 1, material, damaged, Buffer.from('aad'))).toBeUndefined();
    }
  });

  test('what is too short or foreign has no version', () => {
    expect(versionOf(Buffer.alloc(5, 0x0a))).toBeUndefined();
    expect(versionOf(Buffer.alloc(100))).toBeUndefined();
  });

  test('crc32c is Castagnoli', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });
});
