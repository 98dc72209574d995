import { expect, test } from '@jest/globals';
import { FairWaiting } from './fair-waiting.ts';

const given = (...items: [tenant: string, item: string, lane?: 'live' | 'backfill'][]) => {
  const waiting = new FairWaiting<string>();
  for (const [tenantId, item, lane = 'live'] of items) waiting.add({ tenantId, item, lane });
  return waiting;
};

test('a tenant that floods the line delays itself, not the others', () => {
  const waiting = given(['a', 'a1'], ['a', 'a2'], ['a', 'a3'], ['b', 'b1'], ['c', 'c1']);
  expect([1, 2, 3, 4, 5].map(() => waiting.next()?.item)).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
});

test('who has the fewest in work goes first', () => {
  const waiting = given(['a', 'a1'], ['a', 'a2'], ['b', 'b1']);
  waiting.next();
  waiting.next();
  waiting.ended('b');
  waiting.add({ tenantId: 'b', item: 'b2', lane: 'live' });
  expect(waiting.next()?.item).toBe('b2');
});

test("a tenant's live runs go before its backfills", () => {
  const waiting = given(['a', 'old', 'backfill'], ['a', 'now']);
  expect([waiting.next()?.item, waiting.next()?.item, waiting.size]).toEqual(['now', 'old', 0]);
});
