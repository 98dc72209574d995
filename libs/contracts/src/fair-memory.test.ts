import { describe, expect, test } from '@jest/globals';
import { FairMemory } from './fair-memory.ts';

type Entry = { readonly holder: string };
const there = (memory: FairMemory<Entry>, names: readonly string[]) => names.filter((name) => memory.get(name) !== undefined);
const named = (holder: string, count: number) => Array.from({ length: count }, (_, i) => `${holder}${i}`);
const fill = (memory: FairMemory<Entry>, holder: string, count: number) => {
  for (const name of named(holder, count)) memory.set(name, { holder });
};

describe('a full memory', () => {
  test('who keeps most gives up its own oldest, whoever comes', () => {
    const memory = new FairMemory<Entry>(10);
    fill(memory, 'a', 3);
    fill(memory, 'b', 100);
    expect(there(memory, named('a', 3))).toHaveLength(3);
    expect(there(memory, named('b', 100))).toEqual(named('b', 100).slice(-7));
    memory.set('c0', { holder: 'c' });
    expect(there(memory, [...named('a', 3), 'c0'])).toHaveLength(4);
    expect(there(memory, named('b', 100))).toEqual(named('b', 100).slice(-6));
  });

  test('of those that keep as much, the oldest of one goes', () => {
    const memory = new FairMemory<Entry>(4);
    for (const holder of ['a', 'b', 'c', 'd', 'e']) memory.set(holder, { holder });
    expect(there(memory, ['a', 'b', 'c', 'd', 'e'])).toEqual(['b', 'c', 'd', 'e']);
  });

  test('what was deleted or set again counts once', () => {
    const memory = new FairMemory<Entry>(3);
    fill(memory, 'a', 3);
    memory.delete('a1');
    memory.delete('a1');
    memory.set('a0', { holder: 'b' });
    memory.set('b1', { holder: 'b' });
    memory.set('b2', { holder: 'b' });
    expect(there(memory, ['a0', 'a1', 'a2', 'b1', 'b2'])).toEqual(['a2', 'b1', 'b2']);
    expect(memory.oldest()).toEqual(['a2', { holder: 'a' }]);
  });
});
