import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { LogFlush } from './log-flush.ts';

function given({ fails = false } = {}) {
  const did: string[] = [];
  const steps: (() => void)[] = [];
  const step = (name: string) => {
    did.push(name);
    return new Promise<void>((resolve) => steps.push(resolve));
  };
  const file = {
    datasync: async () => {
      await step('flush');
      if (fails) throw new Error('the disk is gone');
    },
    close: async () => void did.push('close'),
  };
  const flush = new LogFlush(
    async () => file,
    (error) => did.push((error as Error).message),
    () => step('moment'),
  );
  const next = async () => {
    steps.shift()?.();
    await turn();
  };
  return { flush, did, next };
}

test('1. what was committed is flushed after a moment, and what is committed meanwhile once more', async () => {
  const { flush, did, next } = given();
  flush.committed();
  flush.committed();
  await next();
  expect(did).toEqual(['moment', 'flush']);
  flush.committed();
  await next();
  await next();
  expect(did).toEqual(['moment', 'flush', 'moment', 'flush']);
});

test('2. one flush at a time, and none when nothing was committed', async () => {
  const { flush, did, next } = given();
  flush.committed();
  await next();
  flush.committed();
  flush.committed();
  expect(did).toEqual(['moment', 'flush']);
  await next();
  await next();
  await next();
  await next();
  expect(did).toEqual(['moment', 'flush', 'moment', 'flush']);
});

test('a flush that fails is told, and tried again with the next commit', async () => {
  const { flush, did, next } = given({ fails: true });
  flush.committed();
  await next();
  await next();
  flush.committed();
  expect(did).toEqual(['moment', 'flush', 'the disk is gone', 'moment']);
});

test('the file is closed after the flush that is under way', async () => {
  const { flush, did, next } = given();
  flush.committed();
  await next();
  const closed = flush.close();
  expect(did).toEqual(['moment', 'flush']);
  await next();
  await closed;
  expect(did).toEqual(['moment', 'flush', 'close']);
});
