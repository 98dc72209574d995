import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { googleWarehouse, hostsFrom } from '@convergence/google';
import { loadTemplates } from '@convergence/pipelines';
import type { Warehouse } from '@convergence/ports';
import { type LocalCloud, startLocalCloud } from '@convergence/testing';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
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
    expect.stringMatching(/billing_cost.yml:\d+: step "normalise" \(billing_cost.sql\): .*curency/),
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
      expect.stringMatching(/cost_by_service.yml:\d+: step "sum": Not found: .*gcp_silver_cost/),
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the command checks tenants' own templates too, which may read what those that ship make", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pipelines-check-'));
  const template = (name: string, column: string) =>
    `name: ${name}\ndescription: d\nprovider: gcp\ndomain: cost\nversion: 1\nparameters:\n  date: { type: date, default: "{yesterday}", description: day }\nsteps:\n  - id: sum\n    type: bigquery.query\n    with: { sql: "SELECT charge_day, SUM(${column}) AS v FROM gcp_silver_cost WHERE charge_day = @date GROUP BY 1", to: ${name}, unit: { day: "{date}", column: charge_day } }\n`;
  try {
    await cp(configs, folder, { recursive: true });
    await mkdir(join(folder, 'tenants/acme/gcp/cost'), { recursive: true });
    await writeFile(join(folder, 'tenants/acme/gcp/cost/good.yml'), template('good', 'billed_cost'));
    await writeFile(join(folder, 'tenants/acme/gcp/cost/bad.yml'), template('bad', 'bild_cost'));
    await writeFile(join(folder, 'gcp/cost/worse.yml'), template('worse', 'build_cost'));
    const command = fileURLToPath(new URL('../pipelines-check.ts', import.meta.url));
    const checked = promisify(execFile)(process.execPath, ['--no-warnings', command, folder], { env: { ...process.env, ...cloud.env } });
    await expect(checked).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^configs\/gcp\/cost\/worse.yml:\d+: step "sum": .*build_cost.*\nconfigs\/tenants\/acme\/gcp\/cost\/bad.yml:\d+: step "sum": .*bild_cost.*\n$/,
      ),
      stdout: expect.stringMatching(/ 2 problems \(SQL dry-run\)\n$/),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('what a step asks about columns that its query does not give', () => {
  const says = async (steps: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'pipelines-check-'));
    try {
      await cp(configs, folder, { recursive: true });
      const head = 'name: mine\ndescription: mine\nprovider: gcp\ndomain: example\nversion: 1\nsteps:\n';
      await writeFile(join(folder, 'gcp/example/mine.yml'), head + steps);
      const catalogue = await loadTemplates(folder);
      expect(catalogue.problems).toEqual([]);
      return (await checkSql(warehouse, catalogue.list())).map((text) => text.replace('configs/gcp/example/mine.yml:', ''));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  const copy = (from: string, rest: string) => `  - id: load\n    type: bigquery.copy\n    with: { from: ${from}, to: mine, ${rest} }\n`;
  const query = (rest: string) =>
    `  - id: load\n    type: bigquery.query\n    with: { sql: "SELECT @date AS day, 's' AS name, NUMERIC '1' AS cost", to: mine, ${rest} }\n`;
  const check = (rule: string) =>
    `${query('unit: { day: "{date}", column: day }')}  - id: check\n    type: dq.check\n    with: { table: mine, unit: { day: "{date}" }, rules: [${rule}] }\n`;

  test.each([
    ['unit: { day: "{date}", column: dya }', 'The result has no column dya. Its columns are day, name, cost'],
    ['unit: { month: "{month}" }', 'The unit is a period, but no column says which rows lie in it. Set unit.column'],
    ['unit: { keys: [naem] }', 'The result has no column naem.'],
    ['unit: { day: "{date}", column: name }', 'PARTITION BY expression must be'],
    ['partition_by: dya', 'The result has no column dya.'],
    ['cluster_by: [naem]', 'Unrecognized name: naem'],
    ['control_totals: [csot]', 'Unrecognized name: csot'],
  ])('%s', async (target, message) => {
    expect(await says(query(target))).toEqual([expect.stringContaining(`7: step "load": ${message}`)]);
  });

  test('a copy is held against the columns of its own source', async () => {
    await warehouse.createDataset('their_own', { location: 'US', description: 'Somebody else made it.' });
    await warehouse.createTable('their_own', {
      name: 'orders',
      description: 'Orders.',
      columns: [
        { name: 'order_day', type: 'DATE', description: 'Its day.' },
        { name: 'span', type: 'RANGE<DATE>', description: 'From when to when.' },
      ],
    });
    const [from, unit] = ['their_own.orders', 'unit: { day: "{date}", column: order_day }'];
    expect(await says(copy(from, `filter: order_day = @date, watermark: order_day, ${unit}`))).toEqual([]);
    expect(await says(copy(from, `columns: [order_dya], ${unit}`))).toEqual([expect.stringMatching(/7: step "load": .*order_dya/)]);
    expect(await says(copy(from, 'unit: { day: "{date}", column: usage_start_time }'))).toEqual([
      expect.stringContaining('7: step "load": The result has no column usage_start_time. Its columns are order_day, span'),
    ]);
  });

  test('of a table that can not be seen from here, and of what reads its copy, only what is wrong whatever its columns is said', async () => {
    const next = '  - id: next\n    type: bigquery.query\n    with: { sql: "SELECT a FROM mine", to: more }\n';
    const unseen = 'their-project.shop.orders';
    expect(await says(copy(unseen, 'columns: [a], filter: "b = @date", unit: { keys: [a] }') + next)).toEqual([]);
    expect(await says(copy(unseen, 'filter: "b = = 1"'))).toEqual([expect.stringContaining('7: step "load": ')]);
    expect(await says(copy('"a.b.c.d"', 'columns: [a]'))).toEqual([expect.stringContaining('7: step "load": "a.b.c.d" is no table name.')]);
  });

  test.each([
    ['{ rule: not_null, column: naem }', 'The table has no column naem.'],
    ['{ rule: sql, predicate: "csot > 1" }', 'Unrecognized name: csot'],
    ['{ rule: foreign_key, column: name, references: { table: gcp_silver_cost, column: naem } }', 'Unrecognized name: naem'],
    ['{ rule: matches_control_total, of: load, column: csot }', 'Step load recorded no total of csot.'],
    ['{ rule: anomaly, metric: sum }', 'An anomaly of a sum needs its column.'],
  ])('%s', async (rule, message) => {
    expect(await says(check(rule))).toEqual([expect.stringContaining(`10: step "check": ${message}`)]);
  });

  test.each([
    ['SELECT 1', 'Invalid field name'],
    ['SELECT 1 AS a, 2 AS a', 'Duplicate column names'],
    ['SELECT 1 AS `a b`', '"a b" is no name of a column that steps take.'],
    ['SELECT 1 AS a; SELECT 2 AS a', 'The SQL gives no columns: it must be one query.'],
    ['DROP TABLE IF EXISTS x', 'The SQL gives no columns: it must be one query.'],
  ])('%s', async (sql, message) => {
    const step = `  - id: load\n    type: bigquery.query\n    with: { sql: "${sql}", to: mine }\n`;
    expect(await says(step)).toEqual([expect.stringContaining(`7: step "load": ${message}`)]);
  });

  test('rules that fail without rows, and what reads an export whose columns nobody knows yet, are no problem', async () => {
    expect(
      await says(
        check('{ rule: row_count, min: 1 }, { rule: unique, columns: [name] }, { rule: freshness, column: day, max_age_hours: 1 }'),
      ),
    ).toEqual([]);
    const load = '  - id: load\n    type: object.load\n    with: { from: "file:x", format: CSV, to: raw }\n';
    const next = '  - id: next\n    type: bigquery.query\n    with: { sql: "SELECT a, x_run_id FROM raw", to: mine }\n';
    expect(await says(load + next)).toEqual([]);
  });
});
