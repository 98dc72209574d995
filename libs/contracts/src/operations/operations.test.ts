import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Operation } from '../operation.ts';
import { OPERATIONS } from './operations.ts';

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'path' in value && 'auth' in value;
const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.ts') && !/test|^operations|^fields/.test(name));
const declared = (await Promise.all(files.map((name) => import(`./${name}`)))).flatMap((module) =>
  Object.values(module).filter(isOperation),
);

describe('the list of operations', () => {
  test('holds every operation that a file here declares', () => {
    expect(declared.map(({ id }) => id).sort()).toEqual(OPERATIONS.map(({ id }) => id).sort());
  });

  test('has no id and no method with path twice', () => {
    const names = OPERATIONS.flatMap(({ id, method, path }) => [id, `${method} ${path}`]);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))('%s declares each parameter of its path', (_, operation) => {
    const named = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string).sort();
    const properties = (operation.params as { properties?: object } | undefined)?.properties ?? {};
    expect(Object.keys(properties).sort()).toEqual(named);
  });

  test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))(
    '%s refuses unknown fields of query and body',
    (_, { auth, query, body }) => {
      for (const schema of [query, body]) {
        const { properties, additionalProperties } = (schema ?? {}) as { properties?: object; additionalProperties?: unknown };
        // What is open by name (templates' parameters) or without named fields (Stripe's events) is somebody else's to check.
        if (properties && auth !== 'signature' && typeof additionalProperties !== 'object') expect(additionalProperties).toBe(false);
      }
    },
  );
});
