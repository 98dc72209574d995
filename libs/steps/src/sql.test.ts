import type { ParameterSpec } from '@convergence/pipelines';
import { describe, expect, test } from '@jest/globals';
import { bigqueryCopy } from './bigquery-copy/step.ts';
import { bigqueryQuery } from './bigquery-query/step.ts';
import { dqCheck } from './dq-check/step.ts';
import type { StepCode } from './step.ts';
import { stepContext } from './testing/step-context.ts';

const parameter = (name: string, type: 'table' | 'identifier') => ({ name, type }) as ParameterSpec;

/** With our own identity, every place where a template may write SQL. */
const PLACES: readonly [string, StepCode, (names: string) => unknown][] = [
  ['sql of bigquery.query', bigqueryQuery, (names) => ({ sql: `SELECT * FROM ${names}`, to: 'out_t' })],
  ['filter of bigquery.copy', bigqueryCopy, (names) => ({ from: 'own', filter: `id IN (SELECT id FROM ${names})`, to: 'out_t' })],
  ['predicate of dq.check', dqCheck, (names) => ({ table: 'own', rules: [{ rule: 'sql', predicate: `id IN (SELECT id FROM ${names})` }] })],
];

describe.each(PLACES)('a table of somebody else in the %s', (_, code, config) => {
  test.each([
    ['a table', '{other}', { other: 'globex.raw' }],
    ['a dataset before a table', '{part}.raw', { part: 'globex' }],
    ['a dataset before another name', '{part}.{name}', { part: 'globex', name: 'raw' }],
  ])('that a caller names as %s is not read', async (_what, names, given) => {
    const context = stepContext(config(names));
    await context.warehouse.createDataset('acme_corp', { location: 'US', description: '' });
    await context.warehouse.createTable('acme_corp', {
      name: 'own',
      description: '',
      columns: [{ name: 'id', type: 'STRING', description: '' }],
    });
    const template = {
      ...context.template,
      parameters: [parameter('other', 'table'), parameter('part', 'identifier'), parameter('name', 'identifier')],
    };
    const variables = { ...context.variables, dataset: 'acme_corp', ...given };
    await expect(code({ ...context, template, variables })).rejects.toMatchObject({ code: 'step.foreign_table' });
    expect(context.warehouse.statements).toEqual([]);
    // The tenant's own are: the fake has no answer to the statement that comes then.
    const own = { ...variables, other: 'acme_corp.raw', part: 'acme_corp' };
    await code({ ...context, template, variables: own }).catch((error: Error) => expect(error.message).toMatch(/no answer for/));
  });
});
