import { expect, test } from '@jest/globals';
import { changesAfter, emptyFeed, touch } from './change-feed.ts';

test('a reader sees each changed tenant once, at its newest change, page by page', () => {
  const feed = emptyFeed();
  for (const id of ['a', 'b', 'a', 'c']) touch(feed, id);
  const first = changesAfter(feed, 0, 2);
  expect(first).toMatchObject({ ids: ['b', 'a'], more: true });
  const second = changesAfter(feed, first.position, 2);
  expect(second).toMatchObject({ ids: ['c'], more: false });
  expect(changesAfter(feed, second.position, 2).ids).toEqual([]);
  touch(feed, 'b');
  expect(changesAfter(feed, second.position, 2).ids).toEqual(['b']);
});

test('a million changes of few tenants keep the log short and lose none', () => {
  const feed = emptyFeed();
  for (let i = 0; i < 100_000; i += 1) touch(feed, `t${i % 10}`);
  expect(feed.log.length).toBeLessThan(2000);
  expect(changesAfter(feed, 0, 100).ids).toHaveLength(10);
});
