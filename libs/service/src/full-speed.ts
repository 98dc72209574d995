/**
 * A process that was started with `--optimize-for-size` collects garbage so eagerly that a request costs twice the CPU time. That is
 * right while it idles on a laptop. From its first busy seconds on it is not: then memory is traded for speed, for good.
 */
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';

const LOOK_EVERY_MS = 500;
const BUSY = 0.5;

/** Looks for busy seconds from now on; call when the work of starting is done. */
export function fullSpeedWhenBusy(onBusy: () => void = () => setFlagsFromString('--no-optimize-for-size')): NodeJS.Timeout {
  let before = performance.eventLoopUtilization();
  const looking = setInterval(() => {
    const now = performance.eventLoopUtilization();
    if (performance.eventLoopUtilization(now, before).utilization > BUSY) {
      clearInterval(looking);
      onBusy();
    }
    before = now;
  }, LOOK_EVERY_MS).unref();
  return looking;
}
