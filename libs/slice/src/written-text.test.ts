import { expect, test } from '@jest/globals';
import { textReader, versionOf } from './written-text.ts';

const columns = [
  { name: 'id', type: 'STRING', description: 'id' },
  { name: 'scopes', type: 'ARRAY<STRING>', description: 'scopes' },
  { name: 'options', type: 'STRUCT<n INT64>', description: 'options' },
];
const textOf = (...values: string[]) => `${versionOf(columns)}:${values.join('\x1f')}`;

test('rows with the same list share one, which nobody can change; what could be changed is not shared', () => {
  const read = textReader(columns);
  const [a, b, c, d] = [
    read(textOf('a', 'pipelines:read\x1dpipelines:execute', '{"n":1}')),
    read(textOf('b', 'pipelines:read\x1dpipelines:execute', '{"n":1}')),
    read(textOf('c', '', '{"n":1}')),
    read(textOf('d', '\x1e', '{"n":1}')),
  ];
  expect(a).toEqual({ id: 'a', scopes: ['pipelines:read', 'pipelines:execute'], options: { n: 1 } });
  expect(b!.scopes).toBe(a!.scopes);
  expect(Object.isFrozen(a!.scopes)).toBe(true);
  expect(b!.options).not.toBe(a!.options);
  expect([c!.scopes, d!.scopes]).toEqual([[], null]);
});
