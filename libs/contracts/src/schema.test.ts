import { expect, test } from '@jest/globals';
import Type from 'typebox';
import { ApiKeyCreate } from './operations/api-keys.ts';
import { OPERATIONS } from './operations/operations.ts';
import { OnboardRequest } from './operations/tenants.ts';
import { check } from './schema.ts';

/** Every part of a schema, the schema itself too. */
function* partsOf(schema: unknown): Generator<Record<string, unknown>> {
  if (typeof schema !== 'object' || schema === null) return;
  yield schema as Record<string, unknown>;
  for (const part of Object.values(schema)) yield* partsOf(part);
}

test('whether the items of a list are different is asked of texts alone: anything else is compared pair by pair, however many come', () => {
  const lists = OPERATIONS.flatMap(({ params, query, body }) => [...partsOf([params, query, body])]).filter((part) => part.uniqueItems);
  expect(lists.length).toBeGreaterThan(2);
  for (const { items } of lists) expect(items).toMatchObject({ type: 'string' });
});

test('what is wrong in many places is told of the first hundred', () => {
  const unknown = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`field_${i}`, 1]));
  expect(check(OnboardRequest, unknown)).toMatchObject({ ok: false, errors: { length: 100 } });
  expect(check(ApiKeyCreate, { scopes: Array.from({ length: 5000 }, (_, i) => i) })).toMatchObject({ ok: false, errors: { length: 100 } });
});

test.each([
  ['date', '0000-01-01', false],
  ['date', '0001-01-01', true],
  ['date', '2026-02-29', false],
  ['date', '9999-12-31', true],
  ['date-time', '0000-12-31T23:59:59Z', false],
  ['date-time', '2016-12-31T23:59:60Z', false],
  ['date-time', '2016-12-31T23:59:59.999999Z', true],
  ['date-time', '2016-12-31T23:59:59+14:00', true],
] as const)('as a %s, %s is what all who read it know: %s', (format, text, ok) => {
  expect(check(Type.String({ format }), text).ok).toBe(ok);
});
