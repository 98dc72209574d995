import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  expect(await checkSql(warehouse, catalogue.list())).toEqual([]);
});

test('SQL with a column that no step before gives is told with its step and file', async () => {
  const template = (await loadTemplates(configs)).find({ provider: 'gcp', domain: 'cost', template: 'billing_cost' });
  if (!template) throw new Error('billing_cost does not ship');
  const sql = await readFile(`${configs}/gcp/cost/billing_cost.sql`, 'utf8');
  const broken = { ...template, sqlFiles: { 'billing_cost.sql': sql.replaceAll('a.currency', 'a.curency') } };
  expect(await checkSql(warehouse, [broken])).toEqual([
    expect.stringMatching(/billing_cost.yml: step "normalise" \(billing_cost.sql\): .*curency/),
  ]);
});

test('the example of the guide, which reads what another template makes, is valid beside it and told to lack a table alone', async () => {
  const guide = await readFile(fileURLToPath(new URL('../../docs/templates.md', import.meta.url)), 'utf8');
  const example = /^ {3}```yaml\n([\s\S]*?)^ {3}```$/m.exec(guide)?.[1]?.replace(/^ {3}/gm, '') ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'pipelines-check-'));
  try {
    await cp(configs, folder, { recursive: true });
    await writeFile(join(folder, 'gcp/cost/cost_by_service.yml'), example);
    const catalogue = await loadTemplates(folder);
    expect(catalogue.problems).toEqual([]);
    expect(await checkSql(warehouse, catalogue.list())).toEqual([]);
    const alone = catalogue.list().filter((template) => template.name === 'cost_by_service');
    expect(await checkSql(warehouse, alone)).toEqual([
      expect.stringMatching(/cost_by_service.yml: step "sum": Not found: .*gcp_silver_cost/),
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
