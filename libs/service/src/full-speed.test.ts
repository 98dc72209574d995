import { afterEach, expect, jest, test } from '@jest/globals';
import { fullSpeedWhenBusy } from './full-speed.ts';

let looking: NodeJS.Timeout | undefined;
afterEach(() => clearInterval(looking));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a process that idles, or works for a moment, stays small', async () => {
  const onBusy = jest.fn();
  let used = 0;
  looking = fullSpeedWhenBusy(onBusy, () => used);
  await pause(600);
  used += 10_000;
  await pause(2_600);
  expect(onBusy).not.toHaveBeenCalled();
});

test('one that goes on working is told once', async () => {
  const onBusy = jest.fn();
  looking = fullSpeedWhenBusy(onBusy, () => performance.now());
  while (onBusy.mock.calls.length === 0) await pause(50);
  await pause(700);
  expect(onBusy).toHaveBeenCalledTimes(1);
});

test('a share of a core is enough, when it lasts', async () => {
  const onBusy = jest.fn();
  const began = performance.now();
  looking = fullSpeedWhenBusy(onBusy, () => performance.now() * 0.2);
  while (onBusy.mock.calls.length === 0 && performance.now() - began < 15_000) await pause(50);
  expect(onBusy).toHaveBeenCalledTimes(1);
}, 20_000);

test('what hardly works stays small, however long', async () => {
  const onBusy = jest.fn();
  looking = fullSpeedWhenBusy(onBusy, () => performance.now() * 0.05);
  await pause(5_000);
  expect(onBusy).not.toHaveBeenCalled();
}, 20_000);
