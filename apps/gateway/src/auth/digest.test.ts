import { expect, test } from '@jest/globals';
import { digest, sameDigest } from './digest.ts';

test('digests are the same only for the same secret, whatever the lengths', () => {
  expect(sameDigest(digest('secret'), digest('secret'))).toBe(true);
  for (const other of ['', 'secre', 'secret ', 'Secret', 'x'.repeat(10_000)])
    expect(sameDigest(digest('secret'), digest(other))).toBe(false);
  expect(sameDigest(digest('secret'), Buffer.alloc(0))).toBe(false);
});
