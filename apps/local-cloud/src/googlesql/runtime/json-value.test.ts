import { expect, test } from '@jest/globals';
import { canonicalNumber } from './json-value.ts';

test.each([
  ['0.5', '0.5'],
  ['0.01', '0.01'],
  ['-0.25', '-0.25'],
  ['-1.50', '-1.5'],
  ['0.1e1', '1.0'],
  ['1e-7', '1e-07'],
  ['25e-2', '0.25'],
])('a number that a double holds to its last digit stays what it is: %s', (text, canonical) => {
  expect(canonicalNumber(text, 'exact')).toBe(canonical);
});

test.each(['0.1234567890123456789012345', '1e400'])('one that a double does not hold is refused: %s', (text) => {
  expect(() => canonicalNumber(text, 'exact')).toThrow(/cannot round-trip/);
});
