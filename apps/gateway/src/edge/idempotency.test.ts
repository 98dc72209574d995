import { setImmediate as turn } from 'node:timers/promises';
import { Refusal, Transient } from '@convergence/contracts';
import type { Reply } from '@convergence/service';
import { describe, expect, jest, test } from '@jest/globals';
import { Idempotency, mustBeKey } from './idempotency.ts';

function given(capacity = 100) {
  const clock = { at: 0 };
  return { clock, idempotency: new Idempotency({ now: () => clock.at, seconds: 60, capacity }) };
}
const STAYS = new AbortController().signal;
const by = (name: string, left = STAYS) => ({ name, holder: name, left });
const named = async () => ({ at: 0 });
const performing = (reply: Reply = { status: 201, body: { id: 1 } }) => jest.fn(async () => reply);

describe('Idempotency-Key', () => {
  test('the same key and request is performed once and answered alike', async () => {
    const { idempotency } = given();
    const perform = performing();
    await idempotency.once('k', by('tenant a'), [{ x: 1 }], named, perform);
    const again = await idempotency.once('k', by('tenant a'), [{ x: 1 }], named, perform);
    expect(again).toMatchObject({ status: 201, body: { id: 1 }, headers: { 'Idempotency-Replayed': 'true' } });
    expect(perform).toHaveBeenCalledTimes(1);
  });

  test('an answer is kept no longer than the name stands for the command, whichever instance heard it first', async () => {
    const { clock, idempotency } = given();
    const perform = performing();
    clock.at = 50_000;
    for (const _ of [1, 2]) await idempotency.once('k', by('a'), [], named, perform);
    expect(perform).toHaveBeenCalledTimes(1);
    clock.at = 60_000;
    await idempotency.once('k', by('a'), [], named, perform);
    expect(perform).toHaveBeenCalledTimes(2);
  });

  test('a double that comes while the first is being done waits for its answer', async () => {
    const { idempotency } = given();
    let finish: (reply: Reply) => void = () => {};
    const perform = jest.fn(() => new Promise<Reply>((resolve) => (finish = resolve)));
    const both = [1, 2].map(() => idempotency.once('k', by('tenant a'), [], named, perform));
    await turn();
    finish({ body: { id: 7 } });
    expect((await Promise.all(both)).map(({ body }) => body)).toEqual([{ id: 7 }, { id: 7 }]);
    expect(perform).toHaveBeenCalledTimes(1);
  });

  test('a double does it when who asked first left before the answer', async () => {
    const { idempotency } = given();
    const first = new AbortController();
    const leaving = idempotency.once('k', by('a', first.signal), [], named, () => {
      return new Promise((_, reject) => first.signal.addEventListener('abort', () => reject(new Error('left'))));
    });
    const perform = performing();
    const doubles = [1, 2].map(() => idempotency.once('k', by('a'), [], named, perform));
    await turn();
    first.abort();
    await expect(leaving).rejects.toThrow('left');
    expect((await Promise.all(doubles)).map(({ body }) => body)).toEqual([{ id: 1 }, { id: 1 }]);
    expect(perform).toHaveBeenCalledTimes(1);
  });

  test('another request under the key is not answered from here, and that it was refused does not stand in the way of the right one', async () => {
    const { idempotency } = given();
    const conflict = new Refusal('request.idempotency_conflict', 'used');
    const refused = jest.fn(() => Promise.reject(conflict));
    for (const _ of [1, 2]) await expect(idempotency.once('k', by('tenant a'), [{ x: 2 }], named, refused)).rejects.toBe(conflict);
    expect(refused).toHaveBeenCalledTimes(2);
    expect(await idempotency.once('k', by('tenant a'), [{ x: 1 }], named, performing())).toMatchObject({ status: 201 });
    await expect(idempotency.once('k', by('tenant a'), [{ x: 2 }], named, refused)).rejects.toBe(conflict);
  });

  test('keys of different callers never meet', async () => {
    const { idempotency } = given();
    const perform = performing();
    await idempotency.once('k', by('tenant a'), [], named, perform);
    await idempotency.once('k', by('tenant b'), [], named, perform);
    expect(perform).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['a dependency that was away', new Transient('away')],
    ['a spent quota', new Refusal('quota.daily_exceeded', 'spent')],
    ['a bug', new Error('bug')],
  ])('%s is tried again', async (_, error) => {
    const { idempotency } = given();
    await expect(idempotency.once('k', by('a'), [], named, () => Promise.reject(error))).rejects.toBe(error);
    expect(await idempotency.once('k', by('a'), [], named, performing())).toMatchObject({ status: 201 });
  });

  test('a refusal that stays is kept', async () => {
    const { idempotency } = given();
    const refusal = new Refusal('tenant.exists', 'exists');
    await expect(idempotency.once('k', by('a'), [], named, () => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(idempotency.once('k', by('a'), [], named, performing())).rejects.toBe(refusal);
  });

  test('answers are forgotten after their time and when there are too many', async () => {
    const { idempotency, clock } = given(2);
    const perform = performing();
    const named = async () => ({ at: clock.at });
    await idempotency.once('k', by('a'), [], named, perform);
    clock.at += 60_001;
    await idempotency.once('k', by('a'), [], named, perform);
    expect(perform).toHaveBeenCalledTimes(2);
    await idempotency.once('l', by('a'), [], named, perform);
    await idempotency.once('m', by('a'), [], named, perform);
    await idempotency.once('k', by('a'), [], named, perform);
    expect(perform).toHaveBeenCalledTimes(5);
  });

  test('one caller with many keys pushes out its own answers, not those of others', async () => {
    const { idempotency } = given(3);
    const perform = performing();
    await idempotency.once('k', by('tenant a'), [], named, perform);
    for (const key of ['1', '2', '3', '4', '5']) await idempotency.once(key, by('tenant b'), [], named, performing());
    expect(await idempotency.once('k', by('tenant a'), [], named, perform)).toMatchObject({ headers: { 'Idempotency-Replayed': 'true' } });
    expect(perform).toHaveBeenCalledTimes(1);
  });

  test.each(['', 'x'.repeat(256), 'a b', 'ключ'])('the key %j is refused', (key) => {
    expect(() => mustBeKey(key)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });
});
