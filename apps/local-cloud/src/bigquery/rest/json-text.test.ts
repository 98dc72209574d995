import { expect, test } from '@jest/globals';
import type { CellValue, WireRow } from '../values/to-wire.ts';
import { withRows } from './json-text.ts';

const row = (...values: CellValue[]): WireRow => ({ f: values.map((v) => ({ v })) });
const EVERYTHING = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code)).join('') + '\u2028€💶';
/** Longer than a piece that is escaped at once, whose end falls into a character. */
const LONG = EVERYTHING.repeat(400);

test.each([
  [
    'long cells among short ones',
    [row('1', LONG, null, 'a "b" \\'), row(null, 'ä', [{ v: LONG }, { v: 'x' }], row(LONG)), row(LONG, LONG, 'x', '')],
  ],
  ['a long cell first and last', [row(LONG)]],
  ['cells of nothing but escapes', [row('\u0001'.repeat(500_000)), row('"'.repeat(500_000))]],
  ['short cells alone', [row('1', EVERYTHING, null), row('2', '', [{ v: 'x' }])]],
])('1: %s read as JSON.stringify writes them', (_, rows) => {
  const { text } = withRows({ kind: 'a', etag: '"b"' }, rows);
  expect(JSON.parse(text.toString())).toEqual({ kind: 'a', etag: '"b"', rows });
});
