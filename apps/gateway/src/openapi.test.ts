import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { type GatewayUnderTest, SERVED, startGateway } from './testing/gateway-under-test.ts';

interface Described {
  readonly operationId: string;
  readonly security: readonly Record<string, unknown>[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required: boolean }[];
  readonly responses: Record<string, { readonly content?: object }>;
}
let gateway: GatewayUnderTest;
let document: { paths: Record<string, Record<string, Described>> };
beforeAll(async () => {
  gateway = await startGateway();
  document = (await gateway.ask('GET', '/openapi.json')).body;
});
afterAll(() => gateway?.close());

const described = () =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, ...operation })),
  );

describe('/openapi.json', () => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(document)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  test('describes every operation that is served, under both names, and no other', () => {
    const served = SERVED.map(({ id, method, path }) => `${id} ${method} ${path}`).sort();
    expect(
      described()
        .map(({ operationId, method, path }) => `${operationId} ${method.toUpperCase()} ${path}`)
        .sort(),
    ).toEqual(served);
  });

  test('names every parameter of every path, as required', () => {
    for (const { path, parameters = [] } of described()) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = parameters.filter((parameter) => parameter.in === 'path');
      expect(declared.map(({ name }) => name).sort()).toEqual(inPath.sort());
      expect(declared.every(({ required }) => required)).toBe(true);
    }
  });

  test('says of each operation whose credentials it takes, and never that a protected one is open', () => {
    for (const { operationId, security } of described()) {
      const operation = SERVED.find(({ id }) => id === operationId)!;
      const open = security.length === 0 || security.some((one) => Object.keys(one).length === 0);
      expect({ operationId, open }).toEqual({ operationId, open: ['open', 'signature', 'onboarding'].includes(operation.auth) });
    }
  });

  test('tells problems apart from answers', () => {
    for (const { responses } of described()) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (!status.startsWith('2')) expect(Object.keys(content)).toEqual(['application/problem+json']);
      }
    }
  });
});
