import { expect, test } from '@jest/globals';
import { Parts } from './parts.ts';

test('2. rows that moved and came back have moved', () => {
  const parts = new Parts();
  const steady = parts.watch(1);
  expect(steady()).toBe(true);
  parts.set(1, [7]);
  expect(steady()).toBe(false);
  parts.set(1, []);
  expect(steady()).toBe(false);
  const since = parts.watch(1);
  parts.set(1, []);
  expect(since()).toBe(true);
});

test('what was written last is read last, and a part that others have stays', () => {
  const parts = new Parts();
  parts.set(1, [7, 8]);
  parts.set(2, [8]);
  const columns = [{ name: 'a', type: { kind: 'INT64' } }] as const;
  expect(parts.rowsOf({ id: 1, columns }, true)).toBe(
    '(SELECT "a" FROM "t7" UNION ALL SELECT "a" FROM "t8" UNION ALL SELECT "a" FROM "t1")',
  );
  expect(parts.rowsOf({ id: 2, columns }, false)).toBe('"t8"');
  expect(parts.rowsOf({ id: 3, columns }, false)).toBe('"t3"');
  expect(parts.onlyOf([1], [7, 8])).toEqual([7]);
  expect(parts.onlyOf([1, 2], [7, 8, 8])).toEqual([7, 8]);
});

test('2. while rows move nobody is sure, nor who began to look meanwhile', async () => {
  const parts = new Parts();
  const before = parts.watch(1);
  let meanwhile: (() => boolean) | undefined;
  await parts.move([1, 2], async () => {
    meanwhile = parts.watch(1);
    expect([before(), meanwhile(), parts.watch(2)(), parts.watch(3)()]).toEqual([false, false, false, true]);
    parts.set(1, [7]);
  });
  expect([before(), meanwhile?.(), parts.watch(1)(), parts.watch(2)()]).toEqual([false, false, true, true]);
  await expect(parts.move([1], () => Promise.reject(new Error('full')))).rejects.toThrow('full');
  expect(parts.watch(1)()).toBe(true);
});
