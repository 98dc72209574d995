import type { Operation } from '@convergence/contracts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { ACME_KEY, ADMIN_KEY, type AskOptions, type GatewayUnderTest, pathOf, SERVED, startGateway } from './testing/gateway-under-test.ts';
import { sample } from './testing/sample.ts';

interface Described {
  readonly operationId: string;
  readonly security: readonly Record<string, unknown>[];
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required: boolean }[];
  readonly responses: Record<string, { readonly description: string; readonly content?: object }>;
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

  test('names every code that a wrong credential, header or body is answered with', async () => {
    gateway.keys.set('suspended', { ...gateway.keys.get(ACME_KEY)!, api_key_id: 'key-2', tenant_status: 'SUSPENDED' });
    gateway.keys.set('cancelled', { ...gateway.keys.get(ACME_KEY)!, api_key_id: 'key-3', tenant_status: 'CANCELLED' });
    gateway.keys.set('globex', { ...gateway.keys.get(ACME_KEY)!, api_key_id: 'key-4', tenant_id: 'globex' });
    const untold: string[] = [];
    for (const operation of SERVED) {
      const { responses } = document.paths[operation.path]![operation.method.toLowerCase()]!;
      for (const wrong of wrongsOf(operation)) {
        const { status, body } = await gateway.ask(operation.method, pathOf(operation), wrong);
        // The owners of this test have no internal routes.
        if (status < 400 || body.code === 'request.unknown_path') continue;
        if (!responses[status]?.description.includes(`\`${body.code}\``)) untold.push(`${operation.id} ${body.code}`);
      }
    }
    expect([...new Set(untold)]).toEqual([]);
  });
});

function wrongsOf(operation: Operation): AskOptions[] {
  const right = operation.auth === 'admin' ? { admin: ADMIN_KEY } : operation.auth === 'signature' ? {} : { key: ACME_KEY };
  const body = operation.body ? { body: sample(operation.body) } : {};
  const twice = { headers: { 'idempotency-key': `twice-${operation.id}` } };
  return [
    ...['nobody', 'suspended', 'cancelled', 'globex'].map((key) => ({ key, ...body })),
    { admin: 'wrong', ...body },
    { ...right, ...body, headers: { 'x-user-id': 'a b' } },
    { ...right, ...body, headers: { 'idempotency-key': 'a b' } },
    ...(operation.method === 'GET'
      ? []
      : [
          { ...right, body: '{', headers: { 'content-type': 'application/json' } },
          { ...right, body: 'x', headers: { 'content-type': 'text/plain' } },
          { ...right, body: JSON.stringify('x'.repeat(1024 * 1024)) },
        ]),
    ...(operation.method === 'POST'
      ? [
          { ...right, ...body, ...twice },
          { ...right, body: { ...(body.body as object), other: 1 }, ...twice },
        ]
      : []),
  ];
}
