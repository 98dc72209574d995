import { Refusal } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import Type from 'typebox';
import { shaped } from './route.ts';

const endpoint = {
  method: 'POST',
  path: '/things/{id}',
  params: Type.Object({ id: Type.Integer() }),
  query: Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
    purge: Type.Optional(Type.Boolean()),
    status: Type.Optional(Type.Array(Type.String())),
    q: Type.Optional(Type.String()),
  }),
  body: Type.Object({ name: Type.String() }, { additionalProperties: false }),
} as const;
const given = (params: Record<string, string>, query: string, body: unknown) =>
  shaped(endpoint, { params, query: new URLSearchParams(query), body });

function refused(work: () => unknown): Refusal {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a request in its shapes', () => {
  test('texts become what the schema says; defaults are filled in', () => {
    expect(given({ id: '7' }, 'purge=true&status=A,B&status=C&q=12', { name: 'n' })).toEqual({
      params: { id: 7 },
      query: { limit: 50, purge: true, status: ['A', 'B', 'C'], q: '12' },
      body: { name: 'n' },
    });
  });
  test('every field that does not fit is named at once', () => {
    const refusal = refused(() => given({ id: 'x' }, 'limit=0&purge=maybe', { nme: 1 }));
    expect(refusal.code).toBe('request.invalid');
    const errors = refusal.fields.errors as { in: string; path: string }[];
    expect(errors.map((error) => `${error.in}${error.path}`).sort()).toEqual([
      'body/name',
      'body/nme',
      'path/id',
      'query/limit',
      'query/purge',
    ]);
  });
  test('a parameter given twice has no one meaning', () => {
    expect(refused(() => given({ id: '1' }, 'limit=1&limit=2', { name: 'n' })).message).toContain('/limit');
  });
  test('1e3, 0x10 and blanks are no integers', () => {
    for (const text of ['1e3', '0x10', ' 1', '', '1.5', '99999999999999999999']) {
      expect(refused(() => given({ id: text }, '', { name: 'n' })).code).toBe('request.invalid');
    }
  });
  test('names of Object.prototype in the query do no harm', () => {
    expect(() => given({ id: '1' }, '__proto__=1&constructor=2&toString=3', { name: 'n' })).not.toThrow();
    expect(({} as Record<string, unknown>)['1']).toBeUndefined();
  });
  test('a missing body is named', () => {
    expect(refused(() => given({ id: '1' }, '', undefined)).message).toContain('body / is required');
  });
});
