import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { googleWarehouse, hostsFrom } from '@convergence/google';
import { loadTemplates } from '@convergence/pipelines';
import type { Warehouse } from '@convergence/ports';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { checkSql } from './sql.ts';

jest.setTimeout(60_000);
const configs = fileURLToPath(new URL('../../configs', import.meta.url));
let cloud: LocalCloud;
let warehouse: Warehouse;
beforeAll(async () => {
  cloud = await startLocalCloud({ exportEnv: false });
  warehouse = googleWarehouse({ project: 'convergence-local', location: 'US', hosts: hostsFrom(cloud.env) });
});
afterAll(async () => {
  await warehouse.close();
  await cloud.stop();
});

test('the SQL of every template that ships is valid', async () => {
  const catalogue = await loadTemplates(configs);
  expect(catalogue.problems).toEqual([]);
  for (const template of catalogue.list())
    expect({ file: template.file, problems: await checkSql(warehouse, template) }).toEqual({ file: template.file, problems: [] });
});

test('SQL with a column that no step before gives is told with its step and file', async () => {
  const template = (await loadTemplates(configs)).find({ provider: 'gcp', domain: 'cost', template: 'billing_cost' });
  if (!template) throw new Error('billing_cost does not ship');
  const sql = await readFile(`${configs}/gcp/cost/billing_cost.sql`, 'utf8');
  const broken = { ...template, sqlFiles: { 'billing_cost.sql': sql.replaceAll('a.currency', 'a.curency') } };
  expect(await checkSql(warehouse, broken)).toEqual([
    expect.stringMatching(/billing_cost.yml: step "normalise" \(billing_cost.sql\): .*curency/),
  ]);
});
