import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { publisher } from './publisher.ts';

interface Request {
  readonly topic: string;
  readonly messages: readonly { readonly data: Buffer }[];
}

function given() {
  const requests: string[][] = [];
  const moments: (() => void)[] = [];
  const client = {
    publish: async ({ messages }: Request) => {
      requests.push(messages.map(({ data }) => data.toString()));
    },
  };
  const moment = () => new Promise<void>((resolve) => moments.push(resolve));
  const { publish } = publisher(client as never, 'p', moment);
  const say = (text: string, topic = 'run-completed') => publish([{ topic, data: Buffer.from(text), attributes: {} }]);
  return {
    say,
    requests,
    over: () => {
      for (const resolve of moments.splice(0)) resolve();
    },
  };
}

describe('1. what is published', () => {
  test('alone goes at once, and is known to be published before the moment after it is over', async () => {
    const { say, requests } = given();
    await say('a');
    expect(requests).toEqual([['a']]);
  });

  test('in the moment after a request goes out together, as the next one', async () => {
    const { say, requests, over } = given();
    await say('a');
    const later = [say('b')];
    await turn();
    later.push(say('c'));
    await turn();
    expect(requests).toEqual([['a']]);
    over();
    await Promise.all(later);
    expect(requests).toEqual([['a'], ['b', 'c']]);
  });

  test('to another topic does not wait', async () => {
    const { say, requests } = given();
    await say('a');
    await say('b', 'run-admitted');
    expect(requests).toEqual([['a'], ['b']]);
  });

  test('goes on without a moment where a request is full', async () => {
    const { say, requests } = given();
    await Promise.all(Array.from({ length: 2_500 }, (_, n) => say(String(n))));
    expect(requests.map((texts) => texts.length)).toEqual([1_000, 1_000, 500]);
  });
});
