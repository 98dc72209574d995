import { describe, expect, test } from '@jest/globals';
import { normalDecimal, withinTolerance } from './control-totals.ts';
import { readableByUs } from './readable.ts';
import { mustAgree, replaceSql, unitOf } from './target.ts';

const staged = {
  table: 'x_stage',
  columns: [
    { name: 'id', type: 'STRING' },
    { name: 'at', type: 'TIMESTAMP' },
    { name: 'day', type: 'DATE' },
  ],
};
const sql = (unit: Parameters<typeof unitOf>[0]['unit']) =>
  replaceSql('`a`.`t`', '`a`.`s`', staged, unitOf({ to: 't', ...(unit && { unit }) }, staged));

describe('replacing a unit', () => {
  test('is one statement that deletes what the unit held and inserts what was staged', () => {
    expect(sql({ day: '2025-11-05', column: 'day' })).toBe(
      'MERGE `a`.`t` AS t USING `a`.`s` AS s ON FALSE\nWHEN NOT MATCHED BY SOURCE AND t.`day` >= @x_unit AND t.`day` < DATE_ADD(@x_unit, INTERVAL 1 DAY) THEN DELETE\nWHEN NOT MATCHED BY TARGET THEN INSERT (`id`, `at`, `day`) VALUES (s.`id`, s.`at`, s.`day`)',
    );
    expect(sql({ month: '2025-11', column: 'at' })).toContain(
      't.`at` >= TIMESTAMP(@x_unit) AND t.`at` < TIMESTAMP(DATE_ADD(@x_unit, INTERVAL 1 MONTH))',
    );
    expect(sql(undefined)).toContain('WHEN NOT MATCHED BY SOURCE THEN DELETE');
  });

  test('by keys updates what is there and inserts what is not', () => {
    expect(sql({ keys: ['id'] })).toBe(
      'MERGE `a`.`t` AS t USING `a`.`s` AS s ON t.`id` = s.`id`\nWHEN MATCHED THEN UPDATE SET `at` = s.`at`, `day` = s.`day`\nWHEN NOT MATCHED THEN INSERT (`id`, `at`, `day`) VALUES (s.`id`, s.`at`, s.`day`)',
    );
  });

  test('needs a column that says which rows lie in the period', () => {
    expect(() => sql({ day: '2025-11-05' })).toThrow('no column says which rows lie in it');
    expect(() => sql({ day: '2025-11-05', column: 'no' })).toThrow('no column no');
  });
});

describe('control totals', () => {
  test('are equal to the last digit or they are not', () => {
    const totals = (cost: string) => ({ rows: 2, sums: { cost }, first: null, last: null });
    expect(() => mustAgree(totals('10.000000001'), totals('10.000000002'), 'x')).toThrow('sum of cost 10.000000001 and 10.000000002');
    expect(() => mustAgree(totals('10.5'), totals('10.5'), 'x')).not.toThrow();
    expect(normalDecimal('10.500')).toBe('10.5');
    expect([withinTolerance('NaN', '1', '5'), withinTolerance('1', 'inf', '5')]).toEqual([false, false]);
    expect([withinTolerance('0.1', '0.3', '0.2'), withinTolerance('0.1', '0.3000000001', '0.2'), withinTolerance('-1', null, '1')]).toEqual(
      [true, false, true],
    );
  });
});

test("our identity reads the tenant's dataset and the samples, nobody else's", () => {
  const may = (table: string) => readableByUs(table, 'acme_corp', 'our-project');
  expect(['raw', 'acme_corp.raw', 'our-project.acme_corp.raw', 'convergence_samples.x'].map(may)).toEqual([true, true, true, true]);
  expect(['globex.raw', 'tenants.tenant_api_keys', 'their-project.acme_corp.raw', 'our-project.tenants.x'].map(may)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
