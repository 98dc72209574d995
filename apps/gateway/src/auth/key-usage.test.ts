import { describe, expect, test } from '@jest/globals';
import { KeyUsage, type KeyUse } from './key-usage.ts';

describe('the use of keys', () => {
  test('is told once for each key, with the latest time', async () => {
    const told: KeyUse[][] = [];
    let now = 0;
    const usage = new KeyUsage(async (used) => void told.push([...used]), { now: () => now });
    usage.note('a');
    now = 5000;
    usage.note('a');
    usage.note('b');
    await usage.flush();
    await usage.flush();
    const at = '1970-01-01T00:00:05.000Z';
    expect(told).toEqual([
      [
        { api_key_id: 'a', at },
        { api_key_id: 'b', at },
      ],
    ]);
  });

  test('waits when nobody listens, without losing what is newer', async () => {
    const told: KeyUse[] = [];
    let now = 0;
    let away = true;
    const usage = new KeyUsage(
      async (used) => {
        if (away) {
          now = 9000;
          usage.note('a');
          throw new Error('away');
        }
        told.push(...used);
      },
      { now: () => now },
    );
    usage.note('a');
    await expect(usage.flush()).rejects.toThrow('away');
    away = false;
    await usage.flush();
    expect(told).toEqual([{ api_key_id: 'a', at: '1970-01-01T00:00:09.000Z' }]);
  });

  test('goes in batches that the owner takes', async () => {
    const sizes: number[] = [];
    const usage = new KeyUsage(async (used) => void sizes.push(used.length), { now: () => 0 });
    for (let n = 0; n < 7000; n++) usage.note(`key-${n}`);
    await usage.flush();
    expect(sizes).toEqual([5000, 2000]);
  });
});
