import { expect, test } from '@jest/globals';
import { billingDay } from './billing-export.ts';

test('nothing is exported later than now; the rows are the same whenever it is', () => {
  const day = '2025-11-10';
  const now = Date.parse('2025-11-11T06:00:00Z');
  const without = (rows: Record<string, unknown>[]) => rows.map(({ export_time, ...rest }) => rest);
  const later = billingDay(day, { month: '2025-11' });
  const rows = billingDay(day, { month: '2025-11', until: now });
  const last = (of: Record<string, unknown>[]) =>
    of
      .map(({ export_time }) => String(export_time))
      .sort()
      .at(-1);
  expect(last(rows)).toBe('2025-11-11T06:00:00.000Z');
  expect(String(last(later)) > '2025-11-20').toBe(true);
  expect(without(rows)).toEqual(without(later));
});
