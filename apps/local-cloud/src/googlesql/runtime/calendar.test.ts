import { expect, test } from '@jest/globals';
import { instantOf, offsetAt } from './calendar.ts';

const micros = (text: string) => BigInt(Date.parse(text)) * 1000n;

test.each([
  ['America/New_York', '2024-03-10T06:59:59Z', -5],
  ['America/New_York', '2024-03-10T07:00:00Z', -4],
  ['Australia/Lord_Howe', '2024-04-06T14:59:59Z', 11],
  ['Australia/Lord_Howe', '2024-04-06T15:00:00Z', 10.5],
  ['Antarctica/Troll', '2024-03-31T00:59:59Z', 0],
  ['Antarctica/Troll', '2024-03-31T01:00:00Z', 2],
  // Half past three in UTC, and a minute: the offset changes within an hour.
  ['America/St_Johns', '2005-04-03T03:30:59Z', -3.5],
  ['America/St_Johns', '2005-04-03T03:31:00Z', -2.5],
  ['Asia/Kathmandu', '1985-12-31T18:29:59Z', 5.5],
  ['Asia/Kathmandu', '1985-12-31T18:30:00Z', 5.75],
])('%s at %s is %d hours from UTC, asked first or again', (zone, at, hours) => {
  for (const _ of [1, 2]) expect(offsetAt(zone, micros(at))).toBe(hours * 3600);
});

test('a wall-clock time that does not exist takes the offset before the gap, one that is there twice its first', () => {
  expect(instantOf('America/New_York', micros('2024-03-10T02:30:00Z'))).toBe(micros('2024-03-10T07:30:00Z'));
  expect(instantOf('America/New_York', micros('2024-11-03T01:30:00Z'))).toBe(micros('2024-11-03T05:30:00Z'));
});
