import { describe, expect, test } from '@jest/globals';
import { stepContext } from '../testing/step-context.ts';
import { bigqueryQuery } from './step.ts';

const table = {
  name: 'source',
  type: 'table',
  description: undefined,
  required: false,
  default: undefined,
  from: undefined,
  enum: undefined,
  pattern: undefined,
  minimum: undefined,
  maximum: undefined,
} as const;
const given = (sql: string, source: string) => {
  const context = stepContext({ sql, to: 'out_t' });
  return { ...context, template: { ...context.template, parameters: [table] }, variables: { ...context.variables, source } };
};

describe('bigquery.query', () => {
  test("a table that the caller names and that is not the tenant's is not read with our identity", async () => {
    await expect(bigqueryQuery(given('SELECT * FROM {source}', 'globex.costs'))).rejects.toMatchObject({ code: 'step.foreign_table' });
  });

  test('a query that reads more than the plan allows does not run', async () => {
    const context = given('SELECT * FROM {source}', 'acme_corp.costs');
    Object.assign(context.warehouse, { dryRun: async () => ({ bytesProcessed: 150_000_000_000n, schema: [] }) });
    await expect(bigqueryQuery(context)).rejects.toMatchObject({ code: 'bigquery.bytes_cap', errorClass: 'quota', transient: false });
    expect(context.warehouse.statements).toEqual([]);
  });
});
