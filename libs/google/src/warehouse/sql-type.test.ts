import { describe, expect, test } from '@jest/globals';
import { restField, sqlType, typeTextOf } from './sql-type.ts';

describe('GoogleSQL type text', () => {
  test.each([
    'STRING',
    'INT64',
    'NUMERIC(10, 2)',
    'STRING(20)',
    'ARRAY<STRING>',
    'STRUCT<a STRING, b INT64>',
    'ARRAY<STRUCT<a STRING, b ARRAY<STRUCT<c DATE>>>>',
    'JSON',
    'STRUCT<a RANGE<DATE>, b ARRAY<RANGE<TIMESTAMP>>>',
  ])('%s comes back from REST as it went there', (text) => expect(typeTextOf(restField('x', sqlType(text)))).toBe(text));
  test.each(['', 'ARRAY', 'ARRAY<STRING', 'STRUCT<>', 'STRING STRING', 'STRUCT<a>', 'RANGE', 'RANGE<>'])('%p is refused', (text) => {
    expect(() => sqlType(text)).toThrow(TypeError);
  });
  test('old names are understood', () => expect(typeTextOf(restField('x', sqlType('ARRAY<INTEGER>')))).toBe('ARRAY<INT64>'));
});
