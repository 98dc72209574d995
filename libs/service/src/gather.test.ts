import { Refusal, Transient } from '@convergence/contracts';
import { describe, expect, test } from '@jest/globals';
import { gather } from './gather.ts';

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

function given(
  over: { poison?: number; fails?: () => Error | undefined; alone?: (n: number) => Promise<number>; moment?: () => Promise<unknown> } = {},
) {
  const batches: number[][] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const ask = gather<number, number>({
    most: 3,
    calls: 1,
    ...(over.moment && { moment: over.moment }),
    alone: async (n) => {
      batches.push([n]);
      if (n === 100) await gate;
      if (n === over.poison) throw new Refusal('tenant.not_found', `no ${n}`);
      return n * 10;
    },
    together: async (questions) => {
      batches.push([...questions]);
      const error = over.fails?.();
      if (error) throw error;
      return questions.map((n) => () => {
        if (n === over.poison) throw new Refusal('tenant.not_found', `no ${n}`);
        return n * 10;
      });
    },
  });
  return { ask, batches, open };
}

describe('gather', () => {
  test('one question goes alone, at once', async () => {
    const { ask, batches } = given();
    expect(await ask(1)).toBe(10);
    expect(batches).toEqual([[1]]);
  });

  test('those of one moment go together, so many in a call, and each gets its own answer', async () => {
    const { ask, batches } = given();
    expect(await Promise.all([1, 2, 3, 4, 5].map(ask))).toEqual([10, 20, 30, 40, 50]);
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  test('for a moment after a call began the next gather, unless they fill one', async () => {
    let over: () => void = () => undefined;
    const { ask, batches } = given({ moment: () => new Promise<void>((resolve) => (over = resolve)) });
    expect(await ask(1)).toBe(10);
    const few = [ask(2), ask(3)];
    await pause();
    expect(batches).toEqual([[1]]);
    expect(await Promise.all([...few, ask(4)])).toEqual([20, 30, 40]);
    const last = ask(5);
    await pause();
    expect(batches).toEqual([[1], [2, 3, 4]]);
    over();
    expect(await last).toBe(50);
  });

  test('while a call is on its way the next gather', async () => {
    const { ask, batches, open } = given();
    const slow = ask(100);
    await pause();
    const one = ask(1);
    await pause();
    const two = ask(2);
    await pause();
    expect(batches).toEqual([[100]]);
    open();
    expect(await Promise.all([slow, one, two])).toEqual([1000, 10, 20]);
    expect(batches).toEqual([[100], [1, 2]]);
  });

  test('one that is refused does not touch the others', async () => {
    const { ask } = given({ poison: 2 });
    const outcomes = await Promise.allSettled([1, 2, 3].map(ask));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('a call that could not be made fails its own questions only', async () => {
    let first = true;
    const { ask } = given({
      fails: () => {
        const error = first ? new Transient('away') : undefined;
        first = false;
        return error;
      },
    });
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5].map(ask));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  test('a call that is refused as a whole is asked again one by one', async () => {
    const { ask, batches } = given({ poison: 2, fails: () => new Refusal('request.unknown_path', 'an older one') });
    const outcomes = await Promise.allSettled([1, 2, 3].map(ask));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
  });
});
