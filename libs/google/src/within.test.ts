import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { expect, test } from '@jest/globals';
import { within } from './within.ts';

test('an answer counts that is there before the time is over', async () => {
  expect(await within(Promise.resolve('answer'), 1_000)).toBe('answer');
  await expect(within(Promise.reject(new Error('refused')), 1_000)).rejects.toThrow('refused');
});

test('no answer in time is DEADLINE_EXCEEDED', async () => {
  await expect(within(new Promise(() => undefined), 1)).rejects.toMatchObject({ code: 4 });
});

test('an answer counts that arrived while this process stood still', async () => {
  const { port1, port2 } = new MessageChannel();
  const answer = within(once(port1, 'message'), 20);
  // From here on timers come before what arrives.
  await turn();
  port2.postMessage('answer');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  expect(await answer).toEqual(['answer']);
  port1.close();
});
