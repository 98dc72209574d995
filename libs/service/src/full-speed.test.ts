import { afterEach, expect, jest, test } from '@jest/globals';
import { fullSpeedWhenBusy } from './full-speed.ts';

let looking: NodeJS.Timeout | undefined;
afterEach(() => clearInterval(looking));

test('a process that idles stays small; one that works is told once', async () => {
  const onBusy = jest.fn();
  looking = fullSpeedWhenBusy(onBusy);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(onBusy).not.toHaveBeenCalled();
  for (let turn = 0; turn < 100 && onBusy.mock.calls.length === 0; turn += 1) {
    const until = performance.now() + 40;
    while (performance.now() < until);
    await new Promise(setImmediate);
  }
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(onBusy).toHaveBeenCalledTimes(1);
});
