import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadTemplates, type TemplateCatalogue } from './catalogue.ts';
import { problemText } from './template.ts';

let dir: string;
let catalogue: TemplateCatalogue;
const text = (name: string, more = '') =>
  `name: ${name}\ndescription: d\nprovider: gcp\ndomain: cost\nversion: 1\n${more}steps:\n  - { id: a, type: notify, with: { message: m } }\n`;
const ref = (template: string, domain = 'cost') => ({ provider: 'gcp', domain, template });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'configs-'));
  await cp(new URL('../../../configs/pipeline.schema.json', import.meta.url), join(dir, 'pipeline.schema.json'));
  await mkdir(join(dir, 'gcp/cost'), { recursive: true });
  await mkdir(join(dir, 'tenants/acme/gcp/cost'), { recursive: true });
  await writeFile(join(dir, 'gcp/cost/billing_cost.yml'), text('billing_cost', 'aliases: [billing, cost_billing]\n'));
  await writeFile(join(dir, 'gcp/cost/other.yml'), text('other'));
  await writeFile(join(dir, 'tenants/acme/gcp/cost/other.yml'), text('other').replace('version: 1', 'version: 7'));
  catalogue = await loadTemplates(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('a template answers to its name and its aliases, in any case', () => {
  for (const name of ['billing_cost', 'billing', 'cost_billing', 'Billing_Cost'])
    expect(catalogue.find(ref(name))?.name).toBe('billing_cost');
});

test("a tenant's own version goes before the shipped one, for that tenant alone", () => {
  expect(catalogue.find(ref('other'), 'acme')?.version).toBe(7);
  expect(catalogue.find(ref('other'), 'globex')?.version).toBe(1);
  expect(catalogue.list('acme').map((t) => t.version)).toEqual([1, 7]);
});

test('what is not there is answered with the nearest paths', () => {
  expect(catalogue.find(ref('biling'))).toBeUndefined();
  expect(catalogue.nearest(ref('biling'))[0]).toBe('configs/gcp/cost/billing_cost.yml');
  expect(catalogue.nearest(ref('other', 'security'))[0]).toBe('configs/gcp/cost/other.yml');
});

test('an alias that another template has already is named, and stays with that one', async () => {
  const path = join(dir, 'gcp/cost/second.yml');
  await writeFile(path, text('second', 'aliases: [billing, other, own]\n'));
  await catalogue.refresh();
  expect(catalogue.problems.map(({ file, message }) => `${file}: ${message}`)).toEqual([
    'configs/gcp/cost/second.yml: its alias "billing" is taken by configs/gcp/cost/billing_cost.yml',
    'configs/gcp/cost/second.yml: its alias "other" is taken by configs/gcp/cost/other.yml',
  ]);
  expect(['billing', 'other', 'own'].map((name) => catalogue.find(ref(name))?.name)).toEqual(['billing_cost', 'other', 'second']);
  await rm(path);
  await catalogue.refresh();
});

test('a schema that can not be read is said to be so, while templates are checked by the one before; nothing starts with it', async () => {
  const path = join(dir, 'pipeline.schema.json');
  const whole = await readFile(path, 'utf8');
  const told: string[][] = [];
  const watching = await loadTemplates(dir, { onProblems: (problems) => told.push(problems.map(problemText)) });
  await writeFile(path, whole.slice(0, 100));
  await watching.refresh();
  await watching.refresh();
  expect(told).toEqual([
    [expect.stringMatching(/^configs\/pipeline.schema.json:1: can not be read \(.*; templates are checked by the one before$/)],
  ]);
  expect(watching.problems).toHaveLength(1);
  expect(watching.find(ref('billing'))?.name).toBe('billing_cost');
  await expect(loadTemplates(dir)).rejects.toThrow(/^configs\/pipeline.schema.json:1: can not be read \([^;]*\)$/);
  await rm(path);
  await watching.refresh();
  expect(told).toHaveLength(2);
  await writeFile(path, whole);
  await watching.refresh();
  expect(watching.problems).toEqual([]);
});

test('a change counts from the next look; a broken template is not served, and its problem is', async () => {
  const path = join(dir, 'gcp/cost/other.yml');
  await writeFile(path, text('other').replace('version: 1', 'version: 2'));
  await utimes(path, 1, 1);
  await catalogue.refresh();
  expect(catalogue.find(ref('other'))?.version).toBe(2);
  await writeFile(path, text('other').replace('version: 1', 'version: 0'));
  await catalogue.refresh();
  expect(catalogue.find(ref('other'))).toBeUndefined();
  expect(catalogue.problemsOf(ref('other'))).toMatchObject([{ file: 'configs/gcp/cost/other.yml', line: 5 }]);
  await rm(path);
  await catalogue.refresh();
  expect(catalogue.problems).toEqual([]);
});
