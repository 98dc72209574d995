import { misfits } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { columnsOf, rowRule } from './compile.ts';
import { DqCheckConfig, RULES } from './config.ts';
import { focusRules } from './focus-rules.ts';

const columns = columnsOf([
  { name: 'cost', type: 'NUMERIC' },
  { name: 'day', type: 'DATE' },
  { name: 'n', type: 'INT64' },
  { name: 'name', type: 'STRING' },
]);
const compile = (rule: Parameters<typeof rowRule>[0]) => rowRule(rule, 3, columns, 'acme_corp');

describe('rules of dq.check', () => {
  test('values are parameters of the type of their column, never text in the SQL', () => {
    expect(compile({ rule: 'between', column: 'cost', min: -5, max: '10.25' })).toMatchObject({
      predicate: '(`cost` IS NULL OR (`cost` >= @r3_min AND `cost` <= @r3_max))',
      parameters: { r3_min: { type: 'NUMERIC', value: '-5' }, r3_max: { type: 'NUMERIC', value: '10.25' } },
    });
    expect(compile({ rule: 'in_set', column: 'name', values: ["it's", 'b'] })).toMatchObject({
      parameters: { r3_set: { type: 'ARRAY<STRING>', value: ["it's", 'b'] } },
    });
    expect(compile({ rule: 'between', column: 'day', min: '2025-01-01' })).toMatchObject({
      parameters: { r3_min: { type: 'DATE', value: '2025-01-01' } },
    });
  });

  test('a column that is not there is told with those that are', () => {
    expect(() => compile({ rule: 'not_null', column: 'csot' })).toThrow('no column csot');
  });

  test.each([
    [0, true],
    [0.01, true],
    ['0.01', true],
    [-1, false],
    ['', false],
    ['-0.01', false],
    ['.5', false],
    ['1 %', false],
    ['x0.01', false],
  ])('a tolerance of %j is one: %s', (tolerance, fits) => {
    const config = { table: 'costs', rules: [{ rule: 'matches_control_total', of: 'load', column: 'cost', tolerance }] };
    expect(misfits(DqCheckConfig, config).length === 0).toBe(fits);
  });

  test('every rule of the schema is a row rule or one of the wide ones', () => {
    const wide = ['unique', 'row_count', 'freshness', 'matches_control_total', 'no_schema_drift', 'anomaly', 'focus'];
    const names = RULES.map((rule) => rule.properties.rule.const);
    expect(names.filter((name) => !wide.includes(name))).toEqual(['not_null', 'between', 'in_set', 'matches_regex', 'foreign_key', 'sql']);
  });

  test('FOCUS: a mandatory column that is missing fails, money must be decimal, an optional one is left alone', () => {
    const rules = focusRules(
      columnsOf([
        { name: 'billed_cost', type: 'FLOAT64' },
        { name: 'charge_category', type: 'STRING' },
      ]),
    );
    const ids = rules.filter((rule) => rule.predicate === undefined).map((rule) => rule.id);
    expect(ids).toContain('focus.BilledCost-decimal');
    expect(ids).toContain('focus.ServiceName-present');
    expect(ids).not.toContain('focus.BilledCost-present');
    expect(ids.join()).not.toContain('PricingCategory');
    expect(rules.find((rule) => rule.id === 'focus.ChargeCategory-values')?.predicate).toContain("'Credit'");
  });
});
