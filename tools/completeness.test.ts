/**
 * Nothing is half added: each operation, event, step and table has its file, its line in the list, its test and its page.
 * A room that is not built yet (an app without main.ts) owes nothing; one that is built owes everything.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ERRORS, EVENTS, OPERATIONS, SUBSCRIPTIONS } from '@convergence/contracts';
import * as tables from '@convergence/tables';
import { describe, expect, test } from '@jest/globals';
import { declaredTables, referencePages } from './reference/pages.ts';
import { list, root, text, there } from './workspace.ts';

const built = (app: string): boolean => there(`apps/${app}/src/main.ts`);
const kebab = (name: string): string => name.replaceAll(/[._]/g, '-');
const testsOf = (...patterns: string[]): string => patterns.flatMap(list).map(text).join('\n');
const escaped = (literal: string): string => literal.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');

describe('operations', () => {
  test('all are below /api/v1', () => {
    expect(OPERATIONS.filter(({ path }) => !path.startsWith('/api/v1/')).map(({ id, path }) => `${id}: ${path}`)).toEqual([]);
  });
  test('ids and addresses are unique', () => {
    const ids = OPERATIONS.map((operation) => operation.id);
    const addresses = OPERATIONS.map((operation) => `${operation.method} ${operation.path.replaceAll(/\{\w+\}/g, '{}')}`);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(addresses.filter((address, index) => addresses.indexOf(address) !== index)).toEqual([]);
  });

  /** How contracts name an operation in code: `tenants.quota` is `tenantsQuota`. */
  const inCode = (id: string) => id.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());

  for (const operation of OPERATIONS.filter(({ owner }) => built(owner))) {
    test(`${operation.id} is served by its owner and listed there`, () => {
      const rooms = list(`apps/${operation.owner}/src/routes/**/*.ts`).filter((path) => !path.endsWith('.test.ts'));
      const serving = rooms
        .filter((path) => !path.endsWith('/routes.ts'))
        .filter((path) => new RegExp(`\\b${inCode(operation.id)}\\b`).test(text(path)) || path.endsWith(`/${operation.id}.ts`));
      expect(serving).not.toEqual([]);
      const listed = text(`apps/${operation.owner}/src/routes/routes.ts`);
      expect(serving.some((path) => listed.includes(path.replace(/^.*\//, '')))).toBe(true);
    });
    test(`${operation.id} has a test`, () => {
      const tests = testsOf(`apps/${operation.owner}/src/**/*.test.ts`, 'apps/gateway/src/**/*.test.ts', '{apps/*/,}e2e/**/*.ts');
      const address = escaped(operation.path).replaceAll(/\{\w+\}/g, '[^/\\s]+');
      const spoken = new RegExp(`${address}(?![/\\w])|['"\`]${escaped(operation.id)}['"\`]|\\b${inCode(operation.id)}\\b`);
      expect(spoken.test(tests) || there(`apps/${operation.owner}/src/routes/${operation.id}.test.ts`)).toBe(true);
    });
  }

  for (const app of ['gateway', 'tenant-service', 'scheduler-service', 'executor-service'].filter(built)) {
    test(`every route file of ${app} is in its list`, () => {
      const files = list(`apps/${app}/src/routes/*.ts`).filter((path) => !/routes\.ts$|\.test\.ts$/.test(path));
      const known = testsOf(`apps/${app}/src/routes/*.ts`);
      expect(files.filter((path) => !known.includes(`./${path.replace(/^.*\//, '')}`))).toEqual([]);
    });
  }
});

describe('events', () => {
  for (const event of EVENTS) {
    test(`${event.name} has its declaration, a page and a consumer`, () => {
      const declared = list('libs/contracts/src/events/*.ts').filter((path) => text(path).includes(`name: '${event.name}'`));
      expect(declared).toHaveLength(1);
      expect(there(`docs/events/${event.name}.md`)).toBe(true);
      expect(SUBSCRIPTIONS.some((subscription) => subscription.topic === event.topic)).toBe(true);
    });
  }

  const consumers = SUBSCRIPTIONS.map((subscription) => ({
    ...subscription,
    app: subscription.consumer.startsWith('executor') ? 'executor-service' : subscription.consumer,
  }));
  for (const { topic, consumer, app } of consumers.filter(({ app: owner }) => built(owner))) {
    test(`${consumer} has a handler for ${topic} and a test of it`, () => {
      const handlers = list(`apps/${app}/src/**/*.ts`).filter((path) => !path.endsWith('.test.ts') && /\bon\(/.test(text(path)));
      const named = EVENTS.filter((event) => event.topic === topic).map((event) => event.name);
      const spoken = named.flatMap((name) => [name, name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]);
      expect(handlers.some((path) => spoken.some((name) => text(path).includes(name)))).toBe(true);
      const tests = testsOf(`apps/${app}/src/**/*.test.ts`, `apps/${app}/e2e/**/*.ts`, 'e2e/**/*.ts');
      expect(spoken.some((name) => tests.includes(name))).toBe(true);
    });
  }
});

describe('steps', () => {
  const folders = [...new Set(list('libs/steps/src/*/{config,step}.ts').map((path) => path.split('/')[3] as string))];
  for (const folder of folders) {
    test(`${folder} has its schema, test, page and line in the list`, () => {
      const wanted = [`libs/steps/src/${folder}/config.ts`, `libs/steps/src/${folder}/step.ts`, `docs/steps/${folder}.md`];
      expect(wanted.filter((path) => !there(path))).toEqual([]);
      expect(list(`libs/steps/src/${folder}/*.test.ts`)).not.toEqual([]);
      expect(text('libs/steps/src/steps.ts')).toContain(`./${folder}/step.ts`);
    });
  }
});

describe('tables', () => {
  for (const table of declaredTables()) {
    test(`${table.name} and all its columns are described`, () => {
      expect(table.description).not.toBe('');
      expect(table.columns.filter((column) => !column.description).map((column) => column.name)).toEqual([]);
      const names = table.columns.map((column) => column.name);
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
      for (const key of [...(table.clusterBy ?? []), ...(table.partitionBy ? [table.partitionBy.column] : [])])
        expect(names).toContain(key);
    });
    test(`${table.name} is declared in a file of its name`, () => {
      const declaring = list('libs/tables/src/**/*.ts').filter((path) => text(path).includes(`'${table.name}'`));
      expect(declaring.length).toBeGreaterThan(0);
      // A tenant's own tables stand together, because they are made together; so do the two journals, which are alike.
      const fits = (path: string) =>
        path.includes(kebab(table.name).replace('x-meta-', '')) || /\/(?:tenant-tables|journals)\.ts$/.test(path);
      expect(declaring.some(fits)).toBe(true);
    });
  }
});

describe('central tables', () => {
  const exported = Object.entries(tables as Readonly<Record<string, unknown>>);
  for (const { table, owner } of tables.CENTRAL_TABLES.filter(({ owner: by }) => by !== 'slices' && by !== 'provisioning')) {
    test(`${table.name} is exported, and written by ${owner}`, () => {
      const [name] = exported.find(([, value]) => (value as Partial<typeof table> | undefined)?.name === table.name) ?? [];
      expect(name).toBeDefined();
      const writers = list(`apps/${owner}/src/**/*.ts`).filter((path) => !/\.test\.ts$|\/testing\//.test(path));
      const written = new RegExp(`\\b(?:${name}|${table.name})\\b`);
      expect(writers.filter((path) => written.test(text(path)))).not.toEqual([]);
    });
  }
});

describe('pages', () => {
  for (const [path, expected] of referencePages()) {
    test(`${path} says what the code says (npm run docs)`, () => {
      expect(there(path) ? text(path) : 'missing').toBe(expected);
    });
  }
  test('every link between pages leads somewhere', () => {
    const broken = ['README.md', ...list('docs/**/*.md')].flatMap((path) => {
      const folder = path.includes('/') ? path.replace(/\/[^/]*$/, '/') : '';
      const links = [...text(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => match[1] as string);
      return links.filter((link) => !there(`${folder}${link}`)).map((link) => `${path}: ${link}`);
    });
    expect(broken).toEqual([]);
  });
  test('decisions are numbered without gaps', () => {
    const numbers = list('docs/decisions/[0-9]*.md').map((path) => Number(/(\d{4})-/.exec(path)?.[1]));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});

test('the lock file names the packages of every platform (node tools/complete-lock.mjs)', () => {
  const { stdout } = spawnSync(process.execPath, [join(root, 'tools/complete-lock.mjs'), '--check'], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

test('every error code is used by someone', () => {
  const sources = testsOf('{apps,libs}/**/src/**/*.ts').replaceAll(text('libs/contracts/src/errors.ts'), '');
  const complete = ['gateway', 'tenant-service', 'scheduler-service', 'executor-service'].every(built);
  const unused = Object.keys(ERRORS).filter((code) => !sources.includes(`'${code}'`));
  expect(complete ? unused : []).toEqual([]);
});
