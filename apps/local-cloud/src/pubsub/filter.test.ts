import { describe, expect, test } from '@jest/globals';
import { BadFilter, compileFilter } from './filter.ts';

const yes = (filter: string, attributes: Record<string, string>): boolean => compileFilter(filter)(new Map(Object.entries(attributes)));

describe('filters', () => {
  test.each([
    ['attributes:a', { a: '' }, true],
    ['attributes:a', { b: '' }, false],
    ['attributes.a = "x"', { a: 'x' }, true],
    ['attributes.a="x"', { a: 'X' }, false],
    ['attributes.a != "x"', {}, true],
    ['attributes.a != "x"', { a: 'x' }, false],
    ['hasPrefix(attributes.a, "x")', { a: 'xyz' }, true],
    ['hasPrefix(attributes.a, "x")', {}, false],
    ['NOT attributes:a', {}, true],
    ['NOT NOT attributes:a', { a: '' }, true],
    ['attributes:a AND attributes:b AND attributes:c', { a: '', b: '', c: '' }, true],
    ['attributes:a OR attributes:b', { b: '' }, true],
    ['attributes:a AND (attributes:b OR attributes:c)', { a: '', c: '' }, true],
    ['attributes:a AND (attributes:b OR attributes:c)', { a: '' }, false],
    ['attributes."odd key" = "say \\"hi\\""', { 'odd key': 'say "hi"' }, true],
    ['attributes:ce-type', { 'ce-type': 'x' }, true],
  ] as [string, Record<string, string>, boolean][])('%s of %j is %s', (filter, attributes, expected) => {
    expect(yes(filter, attributes)).toBe(expected);
  });

  test.each([
    '',
    'attributes',
    'attributes.a',
    'attributes.a = x',
    'attributes.a = "x',
    'data = "x"',
    'attributes:a attributes:b',
    'AND',
    '(attributes:a',
    'attributes:a)',
    'attributes:a AND attributes:b OR attributes:c',
    'hasPrefix(attributes.a)',
    'attributes.a < "x"',
  ])('%s does not parse', (filter) => {
    expect(() => compileFilter(filter)).toThrow(BadFilter);
  });
});
