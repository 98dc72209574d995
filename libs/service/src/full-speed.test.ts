import { spawnSync } from 'node:child_process';
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

test('a process that holds much lets garbage wait until it is two fifths of that, and not until it is as much again', () => {
  const program = `
    import { getHeapStatistics } from 'node:v8';
    import { holdsMuch } from ${JSON.stringify(new URL('./full-speed.ts', import.meta.url).href)};
    holdsMuch();
    const one = () => Array.from({ length: 100 }, (_, at) => ({ at }));
    const held = Array.from({ length: 20_000 }, one);
    let most = 0;
    for (let n = 0; n < 60_000; n += 1) {
      held[n % held.length] = one();
      if (n % 100 === 0) most = Math.max(most, getHeapStatistics().used_heap_size);
    }
    gc();
    console.log(most / getHeapStatistics().used_heap_size, held.length);`;
  const options = ['--expose-gc', '--max-semi-space-size=1', '--no-warnings', '--input-type=module'];
  const { stdout, stderr } = spawnSync(process.execPath, [...options, '-e', program], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(Number.parseFloat(stdout)).toBeLessThan(2);
});
