import { Refusal, Transient } from '@convergence/contracts';
import type { Reply } from '@convergence/service';
import { describe, expect, jest, test } from '@jest/globals';
import { Idempotency } from './idempotency.ts';

function given(capacity = 100) {
  const clock = { at: 0 };
  return { clock, idempotency: new Idempotency({ now: () => clock.at, seconds: 60, capacity }) };
}
const performing = (reply: Reply = { status: 201, body: { id: 1 } }) => jest.fn(async () => reply);

describe('Idempotency-Key', () => {
  test('the same key and request is performed once and answered alike', async () => {
    const { idempotency } = given();
    const perform = performing();
    await idempotency.once('k', 'tenant a', [{ x: 1 }], perform);
    const again = await idempotency.once('k', 'tenant a', [{ x: 1 }], perform);
    expect(again).toMatchObject({ status: 201, body: { id: 1 }, headers: { 'Idempotency-Replayed': 'true' } });
    expect(perform).toHaveBeenCalledTimes(1);
  });

  test('a double that comes while the first is being done waits for its answer', async () => {
    const { idempotency } = given();
    let finish: (reply: Reply) => void = () => {};
    const perform = jest.fn(() => new Promise<Reply>((resolve) => (finish = resolve)));
    const both = [1, 2].map(() => idempotency.once('k', 'tenant a', [], perform));
    finish({ body: { id: 7 } });
    expect((await Promise.all(both)).map(({ body }) => body)).toEqual([{ id: 7 }, { id: 7 }]);
    expect(perform).toHaveBeenCalledTimes(1);
  });

  test('the same key with another request is refused', async () => {
    const { idempotency } = given();
    await idempotency.once('k', 'tenant a', [{ x: 1 }], performing());
    await expect(idempotency.once('k', 'tenant a', [{ x: 2 }], performing())).rejects.toMatchObject({
      code: 'request.idempotency_conflict',
    });
  });

  test('keys of different callers never meet', async () => {
    const { idempotency } = given();
    const perform = performing();
    await idempotency.once('k', 'tenant a', [], perform);
    await idempotency.once('k', 'tenant b', [], perform);
    expect(perform).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['a dependency that was away', new Transient('away')],
    ['a spent quota', new Refusal('quota.daily_exceeded', 'spent')],
    ['a bug', new Error('bug')],
  ])('%s is tried again', async (_, error) => {
    const { idempotency } = given();
    await expect(idempotency.once('k', 'a', [], () => Promise.reject(error))).rejects.toBe(error);
    expect(await idempotency.once('k', 'a', [], performing())).toMatchObject({ status: 201 });
  });

  test('a refusal that stays is kept', async () => {
    const { idempotency } = given();
    const refusal = new Refusal('tenant.exists', 'exists');
    await expect(idempotency.once('k', 'a', [], () => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(idempotency.once('k', 'a', [], performing())).rejects.toBe(refusal);
  });

  test('answers are forgotten after their time and when there are too many', async () => {
    const { idempotency, clock } = given(2);
    const perform = performing();
    await idempotency.once('k', 'a', [], perform);
    clock.at += 60_001;
    await idempotency.once('k', 'a', [], perform);
    expect(perform).toHaveBeenCalledTimes(2);
    await idempotency.once('l', 'a', [], perform);
    await idempotency.once('m', 'a', [], perform);
    await idempotency.once('k', 'a', [], perform);
    expect(perform).toHaveBeenCalledTimes(5);
  });

  test.each(['', 'x'.repeat(256), 'a b', 'ключ'])('the key %j is refused', async (key) => {
    await expect(given().idempotency.once(key, 'a', [], performing())).rejects.toMatchObject({ code: 'request.invalid' });
  });
});
