import { describe, expect, test } from '@jest/globals';
import { cycles, LAYERS, violations } from './boundaries.ts';
import { list, readWorkspace } from './workspace.ts';

test('every package keeps its boundaries', () => {
  const workspace = readWorkspace();
  expect(Object.keys(workspace.files).length).toBeGreaterThan(50);
  expect(violations(workspace)).toEqual([]);
});

test('every lib has a layer', () => {
  const libs = list('libs/*/package.json').map((path) => path.split('/')[1] as string);
  expect(libs.filter((lib) => LAYERS[lib] === undefined)).toEqual([]);
});

test('layers themselves form no cycle', () => {
  expect(cycles(new Map(Object.entries(LAYERS)))).toEqual([]);
});

/** What each rule is there to catch; if one of these is not caught, the green test above proves nothing. */
describe('a violation is caught', () => {
  const declared = {
    'apps/gateway': ['@convergence/tenant-service', '@convergence/contracts', '@convergence/testing', '@convergence/service'],
    'libs/slice': ['@convergence/gateway', '@convergence/tenants', '@convergence/ports'],
    'apps/local-cloud': ['@convergence/contracts'],
    'libs/unheard-of': ['@convergence/contracts'],
  };
  test.each([
    [
      'an app imports an app',
      'apps/gateway/src/a.ts',
      "import { x } from '@convergence/tenant-service';",
      'imports the app tenant-service',
    ],
    ['a lib imports an app', 'libs/slice/src/a.ts', "import { x } from '@convergence/gateway';", 'imports the app gateway'],
    ['an app reaches into an app by path', 'apps/gateway/src/a.ts', "import { x } from '../../tenant-service/src/b.ts';", 'by path'],
    [
      'a lib imports a lib beside or above it',
      'libs/slice/src/a.ts',
      "import type { x } from '@convergence/tenants';",
      'slice may not import tenants',
    ],
    ['a lib reaches into another', 'libs/slice/src/a.ts', "import { x } from '@convergence/ports/src/clock.ts';", 'reaches into ports'],
    ['a package uses what it does not declare', 'apps/gateway/src/a.ts', "import { x } from '@convergence/steps';", 'does not declare'],
    ['a file uses its own index', 'libs/slice/src/deep/a.ts', "import { x } from '../index.ts';", 'its own index.ts'],
    [
      'local-cloud knows something of ours',
      'apps/local-cloud/src/a.ts',
      "import type { x } from '@convergence/contracts';",
      'local-cloud may not import',
    ],
    [
      'a service speaks to Google by itself',
      'apps/gateway/src/a.ts',
      "import { PubSub } from '@google-cloud/pubsub';",
      'only libs/google may',
    ],
    ['a dynamic import hides it', 'apps/gateway/src/a.ts', "const x = await import('@google-cloud/kms');", 'only libs/google may'],
    ['a re-export hides it', 'libs/slice/src/a.ts', "export * from '@google-cloud/kms';", 'only libs/google may'],
    ['the environment is read outside of main.ts', 'apps/gateway/src/a.ts', 'export const x = process.env.PORT;', 'reads process.env'],
    ['main.ts is imported', 'apps/gateway/src/a.ts', "import './main.ts';", 'imports a main.ts'],
    [
      'a service takes a fake along',
      'apps/gateway/src/a.ts',
      "import { fakeBus } from '@convergence/testing';",
      'a service may not import testing',
    ],
    ['what runs needs what only tests use', 'libs/slice/src/a.ts', "import { x } from './simulation/run.ts';", 'only tests use'],
    ['a new lib without a layer', 'libs/unheard-of/src/a.ts', "import { x } from '@convergence/contracts';", 'has no layer'],
  ])('%s', (_, path, source, expected) => {
    expect(violations({ files: { [path]: source }, declared }).join('\n')).toContain(expected);
  });

  test('files need each other, be it for a type', () => {
    const files = {
      'libs/slice/src/a.ts': "import type { b } from './b.ts';\nexport const a = (): typeof b => 1;",
      'libs/slice/src/b.ts': "import { c } from './c.ts';\nexport const b = () => c;",
      'libs/slice/src/c.ts': "import { a } from './a.ts';\nexport const c = () => a;",
    };
    expect(violations({ files, declared }).join()).toMatch(/import cycle: .*a\.ts/);
  });
});

test('what is allowed is let through', () => {
  const files = {
    'libs/slice/src/a.ts': "// process.env is not read here\nimport type { B } from './b.ts';\nexport interface A { b: B }",
    'libs/slice/src/b.ts': "import type { Clock } from '@convergence/ports';\nexport interface B { c: Clock }",
    'apps/gateway/src/main.ts': 'start(process.env);',
    'apps/gateway/src/a.test.ts': "import { fakeBus } from '@convergence/testing';",
  };
  const declared = { 'libs/slice': ['@convergence/ports'], 'apps/gateway': ['@convergence/testing'] };
  expect(violations({ files, declared })).toEqual([]);
});
