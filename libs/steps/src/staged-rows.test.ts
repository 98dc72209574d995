import { expect, test } from '@jest/globals';
import { jsonOf } from './staged-rows.ts';

const column = (name: string, type: string) => ({ name, type, description: '' });

test('bytes travel as base64, also within lists and structs', () => {
  const text = jsonOf([column('id', 'BYTES'), column('more', 'STRUCT<parts ARRAY<BYTES>, n INT64>')]);
  expect(JSON.parse(text({ id: Buffer.from([0, 255]), more: { parts: [Buffer.from('a'), Buffer.alloc(0)], n: '1' } }))).toEqual({
    id: 'AP8=',
    more: { parts: ['YQ==', ''], n: '1' },
  });
  expect(text({ id: null })).toBe('{"id":null}');
});
