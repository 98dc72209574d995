import { expect, test } from '@jest/globals';
import { Moved, steadily, whereItLies } from './moved.ts';

const watched = (...answers: boolean[]) => ({ steady: new Map(answers.map((still, id) => [id, () => still])) });

test('what was read while rows moved is not shown, nor why it failed', async () => {
  await expect(steadily(watched(true), async () => 'read')).resolves.toBe('read');
  await expect(steadily(watched(true, false), async () => 'read')).rejects.toThrow(Moved);
  await expect(steadily(watched(true, false), async () => 'written', 1)).resolves.toBe('written');
  await expect(steadily(watched(false), () => Promise.reject(new Error('more than one row')))).rejects.toThrow(Moved);
  await expect(steadily(watched(true), () => Promise.reject(new Error('more than one row')))).rejects.toThrow('more than one row');
});

test('1. runs again what moved or was gone, and nothing else', async () => {
  const runs = async (errors: Error[], asker?: Parameters<typeof whereItLies>[0]) => {
    let compiled = 0;
    const done = whereItLies(
      asker,
      () => ++compiled,
      async () => {
        const error = errors.shift();
        if (error) throw error;
      },
    );
    return [
      await done.then(
        () => 'done',
        (error: Error) => error.message.slice(0, 20),
      ),
      compiled,
    ];
  };
  const gone = () => new Error('Catalog Error: Table with name t7 does not exist!');
  expect(await runs([new Moved(), gone()])).toEqual(['done', 3]);
  expect(await runs([new Error('division by zero')])).toEqual(['division by zero', 1]);
  expect(await runs([new Error('The user says: Catalog Error: Table with name t7 does not exist!')])).toEqual(['The user says: Catal', 1]);
  const { signal } = new AbortController();
  expect(await runs([gone()], { transaction: {}, aborted: signal })).toEqual(['Catalog Error: Table', 1]);
  expect(await runs([gone()], { transaction: undefined, aborted: AbortSignal.abort() })).toEqual(['Catalog Error: Table', 1]);
});
