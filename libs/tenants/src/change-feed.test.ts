import { expect, test } from '@jest/globals';
import { changesAfter, emptyFeed, touch } from './change-feed.ts';

test('a reader sees each changed tenant once, page by page, and again when it changes after that', () => {
  const feed = emptyFeed();
  for (const id of ['a', 'b', 'a', 'c']) touch(feed, id);
  const first = changesAfter(feed, 0, 2);
  expect(first).toMatchObject({ ids: ['a', 'b'], more: true });
  touch(feed, 'a');
  const second = changesAfter(feed, first.position, 2);
  expect(second).toMatchObject({ ids: ['c', 'a'], more: false });
  expect(changesAfter(feed, second.position, 2).ids).toEqual([]);
  touch(feed, 'b');
  expect(changesAfter(feed, second.position, 2).ids).toEqual(['b']);
});

test('what one reader was told of, another one that comes later is told of too', () => {
  const feed = emptyFeed();
  touch(feed, 'a');
  const early = changesAfter(feed, 0, 9);
  touch(feed, 'b');
  touch(feed, 'b');
  expect(changesAfter(feed, 0, 9).ids).toEqual(['a', 'b']);
  touch(feed, 'b');
  expect(changesAfter(feed, early.position, 9).ids).toEqual(['b']);
});

test('a million changes of few tenants keep the log short and lose none', () => {
  const feed = emptyFeed();
  for (let i = 0; i < 100_000; i += 1) {
    touch(feed, `t${i % 10}`);
    if (i % 3 === 0) changesAfter(feed, feed.last, 1);
  }
  expect(feed.log.length).toBeLessThan(2000);
  expect(changesAfter(feed, 0, 100).ids).toHaveLength(10);
});
